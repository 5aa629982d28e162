"""Forwarding: from events to delivered webhooks.

Inside, the forwarder imports queue, attempts and destinations, and attempts import subscribers.
Judging imports `fan_out`, `leased_fan_out` and `immediate_leases`; operations, console and main
import the other modules.
"""
