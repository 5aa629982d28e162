"""Loops of the worker: judging and housekeeping.

Imported by main only.
"""
