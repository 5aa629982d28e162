"""Limits of a connection to the public listener, in seconds and bytes."""

HEAD_SECONDS = 10.0
"""Seconds for a head to arrive from its first byte on, and for an idle connection before that.

One deadline each, which nothing that is sent moves. Zeus gives up after 40 s (manual, CGI call).
"""
BODY_SECONDS = 20.0
LINGER_SECONDS = 2.0
"""Seconds that a sender may go on sending after its answer, so that our closing does not destroy
the answer.
"""
LINGER_BYTES = 256 * 1024
"""Bytes read of it meanwhile. After that it waits for the end."""
STRANGER_HEAD_BYTES = 16 * 1024
"""Bytes read of a head from a peer that is neither an allowed source nor a trusted proxy.

A longer one would be no sample.
"""
UNUSED_SECONDS = 3.0
"""At a stop: seconds for an open connection whose first request has not arrived yet."""
REUSED_SECONDS = 0.5
"""At a stop: seconds for a connection that was answered before."""
EARLY_BYTES = 64 * 1024
"""Bytes accepted while a request is being answered. After that the sender waits."""
UNREAD_BYTES = 8 * 1024
"""Bytes of answers that a peer may leave unread."""
