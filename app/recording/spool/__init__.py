"""The spool on disk that holds calls while Postgres is away.

Imported by recording, operations and main.
"""
