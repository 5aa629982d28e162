"""Maintenance: erasure, pruning, re-encryption and draining the spool by hand.

Imported by the ways in and the worker.
"""
