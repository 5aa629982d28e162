"""Orders as operators see them: search, history and events.

Imported by reviews and the ways in.
"""
