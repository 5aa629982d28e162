"""Composition root: builds the roles from their parts and starts them.

Nothing imports it.
"""
