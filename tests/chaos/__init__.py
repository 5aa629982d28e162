"""Chaos tests: outages made on purpose, under a constant load of calls, with real servers."""
