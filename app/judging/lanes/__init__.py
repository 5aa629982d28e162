"""Lanes of unjudged notices: where to begin reading, and turns between their orders.

Imported by judging only.
"""
