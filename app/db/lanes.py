"""Lanes: how the work of judging is divided among workers."""

LANES = 16
"""Into how many lanes order numbers are hashed. One order is always in one lane, and one lane is judged by one worker at a time."""
