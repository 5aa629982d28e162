"""Checks of the database: encoding, rights, collations, clocks and old transactions.

Imported by migrations, doctor, monitoring, main and housekeeping.
"""
