"""Outbound webhooks as operators see them: list, show, retry.

Imported by orders, reviews and the ways in.
"""
