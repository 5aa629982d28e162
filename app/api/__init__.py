"""HTTP API for operators and for subscribers that poll, on the private listener.

Imported by main only.
"""
