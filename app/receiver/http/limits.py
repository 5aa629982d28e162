"""Limits of a connection to the public listener: how long, and how many bytes."""

HEAD_SECONDS = 10.0
"""For a head to arrive from its first byte on, and before that for an idle connection to be used: one deadline each, which nothing that
is sent moves. Zeus gives up after 40 s (manual, CGI call)."""
BODY_SECONDS = 20.0
LINGER_SECONDS = 2.0
"""How long a sender that is not done sending may go on, so that our closing does not tear the answer away from it."""
LINGER_BYTES = 256 * 1024
"""Bytes that are read of it meanwhile; then it waits for the end."""
STRANGER_HEAD_BYTES = 16 * 1024
"""Bytes of a head that are read from a peer that is neither an allowed source nor a trusted proxy. No longer one would be a sample."""
UNUSED_SECONDS = 3.0
"""At a stop: for a connection that is open already, but whose first request is still on its way."""
REUSED_SECONDS = 0.5
"""At a stop: for a connection that was answered before."""
EARLY_BYTES = 64 * 1024
"""Bytes taken while a request is being answered; a sender of more has to wait."""
UNREAD_BYTES = 8 * 1024
"""Bytes of answers that a peer may leave unread."""
