"""Chaos: outages brought about on purpose, under a constant load of calls, with real servers, proxies and processes."""
