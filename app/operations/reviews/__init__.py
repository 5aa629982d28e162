"""Reviews: items that a human must decide, and their dismissal.

Imported by monitoring and the ways in.
"""
