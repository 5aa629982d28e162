"""Roles of the service, each built from its parts.

Imported by main.
"""
