"""Diagnosis of configuration, machine, database and network, and the operational test.

Imported by the ways in.
"""
