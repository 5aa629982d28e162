"""Life of a process: settings, event loop, listeners, start and stop.

Imported by main and its roles.
"""
