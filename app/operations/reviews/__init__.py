"""Reviews as operators see them: one list, notes, and decisions. Also purchases nobody wants.

Imported by notices, orders, attention and the ways in.
"""
