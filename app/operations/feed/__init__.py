"""The feed of events that subscribers poll.

Imported by the API.
"""
