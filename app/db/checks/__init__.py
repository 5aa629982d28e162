"""Checks of the database itself: encoding, rights, collations and clocks.

Imported by migrations, doctor, main and housekeeping.
"""
