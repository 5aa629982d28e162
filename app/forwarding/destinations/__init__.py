"""Destinations that a webhook is delivered to, and the options of a connection.

Imported by the forwarder, operations and main.
"""
