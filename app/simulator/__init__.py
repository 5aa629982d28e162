"""Plays Zeus against a URL: invented orders, the bytes Zeus would send, its timeouts, and its view of the answers."""
