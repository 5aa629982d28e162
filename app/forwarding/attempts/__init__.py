"""Outcomes of delivery attempts: retry policy and storage.

Imported by the forwarder and main.
"""
