"""Outbound webhooks as operators see them: list, show, retry.

Imported by orders, attention and the ways in.
"""
