"""Keeping room: how many connections may be open, and which gives way when there is none left."""

from typing import Protocol

from app.metrics import connections_dropped, connections_open

STRANGERS = 256
"""Connections from peers that are neither allowed sources nor trusted proxies, at most; a quarter of all if that is less."""
_RESERVE = 2_304
"""File descriptors left free, half of all at most: a full backlog may be accepted before the first of it is counted here, and the rest of
the process needs some for the database, the spool and webhooks on their way out."""


class Connection(Protocol):
    """What the crowd needs to know of a connection."""

    stranger: bool

    def drop(self) -> None:
        """Close at once."""


class Crowd:
    """The open connections of one listener, within `descriptors`, the number of files the process may have open."""

    def __init__(self, descriptors: int) -> None:
        self._capacity = max(descriptors - min(_RESERVE, descriptors // 2), 16)
        self._strangers_limit = min(STRANGERS, self._capacity // 4)
        self._open = 0
        self._strangers = 0
        self._waiting: dict[Connection, None] = {}  # those without a complete request, in order of their arrival

    def enter(self, connection: Connection) -> bool:
        """Whether a new connection may stay. When all places are taken, the one that has waited longest for its sender gives way."""
        if connection.stranger and self._strangers >= self._strangers_limit:
            connections_dropped.labels("stranger").inc()
            return False
        if self._open >= self._capacity:
            if not self._waiting:
                connections_dropped.labels("full").inc()
                return False
            connections_dropped.labels("idle").inc()
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.drop()
        self._open += 1
        self._strangers += connection.stranger
        connections_open.inc()
        self._waiting[connection] = None
        return True

    def leave(self, connection: Connection) -> None:
        """The connection that had entered is closed."""
        self._open -= 1
        self._strangers -= connection.stranger
        connections_open.dec()
        self._waiting.pop(connection, None)

    def busy(self, connection: Connection) -> None:
        """Its request is complete: it keeps its place until it is answered."""
        self._waiting.pop(connection, None)

    def waits(self, connection: Connection) -> None:
        """It is answered and may send another request."""
        self._waiting[connection] = None
