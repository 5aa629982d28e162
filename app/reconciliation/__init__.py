"""Comparison of Zeus's export with our orders, and notices of what is lacking here.

Operations and the worker import it. It imports the database and the protocol, neither judging nor
forwarding: judging and it meet only in the database.
"""
