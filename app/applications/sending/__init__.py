"""Sending of applications: the HTTP client, what came back, and how many are sent at a time."""
