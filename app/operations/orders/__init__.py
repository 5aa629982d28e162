"""Orders as operators see them: search, history and events.

Imported by the ways in.
"""
