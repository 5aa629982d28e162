"""Statements that a batch of notices shares: what it reads at first, and what it writes."""
