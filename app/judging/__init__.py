"""Judging: from unjudged notices to orders, events and webhooks.

The worker imports it; operations read its names.
"""
