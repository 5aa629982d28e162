"""Queue of outbound webhooks: claims, leases, sequence and concurrency limits.

Imported by the forwarder and main; never imports destinations.
"""
