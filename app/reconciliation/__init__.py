"""Comparison of Zeus's export with our orders.

Operations may import it. It imports the database and the protocol, neither judging nor forwarding.
"""
