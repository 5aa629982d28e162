"""Reconciliations as operators see them: files of Zeus's console, their progress and outcomes.

Imported by the ways in.
"""
