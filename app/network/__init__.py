"""Outbound and inbound network safety: allowed sources, address rules, DNS, certificates.

Imports settings, logs and metrics only; any layer above may import it.
"""
