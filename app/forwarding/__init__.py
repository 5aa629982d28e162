"""Forwarding: owes events to subscribers and delivers them: fan out, claim, send, record."""
