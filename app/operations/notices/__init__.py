"""Notices and rejected calls as operators see them: list, show, release.

Imported by orders, reviews and the ways in.
"""
