"""Delivery by HTTP POST: sender, errors, proxy and TLS.

Imported by the forwarder, operations and main.
"""
