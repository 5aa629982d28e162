"""Mails of a simulated Zeus: their words, their bytes, their signature and their delivery.

Imported by the simulator's server.
"""
