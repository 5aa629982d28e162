"""Access of operators: permissions, tokens, audit, idempotency keys, sessions.

Imported by the rest of operations and by the ways in.
"""
