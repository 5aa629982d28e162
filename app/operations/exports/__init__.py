"""Exports for spreadsheets and programs: CSV and JSON Lines of orders, events and reviews.

Imported by the ways in.
"""
