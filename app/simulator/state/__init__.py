"""State of the simulator: settings, clock, transitions and the SQLite store.

Imported by the simulator's server.
"""
