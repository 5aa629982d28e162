"""Scenario player: makes calls as Zeus makes them and reports the answers.

Imported by the simulator's commands.
"""
