"""Items that need an operator, and their dismissal.

Imported by monitoring and the ways in.
"""
