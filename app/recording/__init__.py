"""Recording of calls before anything else happens: Postgres, else the spool, else hold.

The receiver, operations and main may import it; it never imports judging or forwarding.
"""
