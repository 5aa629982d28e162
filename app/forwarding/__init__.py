"""Forwarding: from events to delivered webhooks.

Inside, the forwarder imports queue, attempts and destinations, and those import subscribers.
Judging imports `fan_out`, operations import the rest.
"""
