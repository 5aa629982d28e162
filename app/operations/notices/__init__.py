"""Notices and rejected calls as operators see them: list, show, release.

Imported by orders, attention and the ways in.
"""
