"""View models of the console's pages.

Imported by pages.
"""
