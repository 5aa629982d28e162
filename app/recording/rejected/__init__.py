"""Samples of calls from sources that are not allowed.

Imported by the receiver and operations.
"""
