"""Failures of an HTTP exchange, beside OSError and ssl.SSLError. Their texts hold nothing of what
was sent.
"""


class HttpFailure(Exception):
    """An answer that is no HTTP, or a proxy that makes no tunnel."""


class MalformedAnswer(HttpFailure):
    """The bytes that came are not an HTTP answer."""


class EndlessHead(HttpFailure):
    """An answer's head is too long; the text gives the limit."""


class TunnelRefused(HttpFailure):
    """A proxy answered CONNECT with another status than 2xx."""

    def __init__(self, status: int) -> None:
        """`status` is the proxy's answer."""
        super().__init__(f"the proxy answered {status}")
        self.status = status


class ProxyUnreachable(HttpFailure):
    """There is no connection to the proxy; the cause tells why."""


class ConnectionEnded(ConnectionError):
    """The other side ended the connection before its answer was complete."""

    def __init__(self) -> None:
        """Make the error with its text."""
        super().__init__("the connection ended before the answer did")
