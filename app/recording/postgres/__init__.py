"""Recording in Postgres: the INSERT, shared commits and the circuit breaker.

Imported by recording and main.
"""
