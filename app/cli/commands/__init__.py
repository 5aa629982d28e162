"""Commands of the command line, one module per group.

Imported by the command line's application.
"""
