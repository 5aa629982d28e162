"""Baseline: forwarding as one would build it from parts: procrastinate for the queue, httpx for HTTP. It has its own environment."""
