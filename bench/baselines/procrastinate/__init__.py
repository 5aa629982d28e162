"""Baseline: forwarding built of procrastinate for the queue and httpx for HTTP.

It runs in an environment of its own.
"""
