"""Subscribers as the worker sees them: health, backlog after a pause, removal.

Imported by the forwarder, attempts and operations.
"""
