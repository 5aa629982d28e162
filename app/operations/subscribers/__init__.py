"""Subscribers as operators manage them: add, change, pause, rotate, recover, test.

Imported by monitoring, doctor and the ways in.
"""
