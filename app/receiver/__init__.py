"""Public listener: answers the calls of Zeus once they are recorded.

Imported by main only.
"""
