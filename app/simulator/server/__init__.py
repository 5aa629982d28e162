"""Zeus as a server: applications in, calls out, and an HTTP API.

Imported by the simulator's commands.
"""
