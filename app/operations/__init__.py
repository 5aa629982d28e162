"""Reads and actions of operators, shared by API, console and command line.

The ways in and main may import it.
"""
