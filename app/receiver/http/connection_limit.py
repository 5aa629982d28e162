"""Keeping room: how many connections may be open, how much they may hold, and which gives way when there is no room left."""

import math
import time
from typing import Any, Protocol

from app.metrics import connections_dropped, connections_open

STRANGERS = 256
"""Connections from peers that are neither allowed sources nor trusted proxies, at most; a quarter of all if that is less."""
STRANGER_SECONDS = 1.0
"""After so long without a complete request a stranger gives way to another one. In a flood most are refused, which costs least."""
FREE_BYTES = 8 * 1024
"""Bytes that a connection may always hold of a request that is not complete. Zeus's calls are below 4 KB."""
SHARED_BYTES = 64 * 1024 * 1024
"""Bytes above FREE_BYTES that all connections together may hold."""
_RESERVE = 2_304
"""File descriptors left free, half of all at most: a full backlog may be accepted before the first of it is counted here, and the rest of
the process needs some for the database, the spool and webhooks on their way out."""


class Connection(Protocol):
    """What the crowd needs to know of a connection."""

    stranger: bool
    charged: int
    """Bytes of SHARED_BYTES that the connection takes; the crowd alone changes it."""

    def drop(self) -> None:
        """Close at once."""


class ConnectionLimit:
    """The open connections of one listener, within `descriptors`, the number of files the process may have open."""

    def __init__(self, descriptors: int) -> None:
        self._capacity = max(descriptors - min(_RESERVE, descriptors // 2), 16)
        self._strangers_limit = min(STRANGERS, self._capacity // 4)
        self._open = 0
        self._strangers = 0
        self._charged = 0
        # Those without a complete request, in order of their arrival, and since when strangers wait.
        self._waiting: dict[Connection, None] = {}
        self._waiting_strangers: dict[Connection, float] = {}

    def enter(self, connection: Connection) -> bool:
        """Return whether a new connection may stay.

        When all places are taken, the one that has waited longest for its sender gives way: a stranger first. To a stranger
        only a stranger gives way, after STRANGER_SECONDS.
        """
        if not (self._has_stranger_place() if connection.stranger else self._has_place()):
            return False
        self._open += 1
        self._strangers += connection.stranger
        connections_open.inc()
        self.waits(connection)
        return True

    def _has_place(self) -> bool:
        if self._open < self._capacity:
            return True
        waiting = self._waiting_strangers or self._waiting
        if not waiting:
            connections_dropped.labels("full").inc()
            return False
        connections_dropped.labels("idle").inc()
        self._drop_oldest(waiting)
        return True

    def _has_stranger_place(self) -> bool:
        if self._strangers < self._strangers_limit and self._open < self._capacity:
            return True
        connections_dropped.labels("stranger").inc()
        oldest = next(iter(self._waiting_strangers.values()), math.inf)
        if time.monotonic() - oldest < STRANGER_SECONDS:
            return False
        self._drop_oldest(self._waiting_strangers)
        return True

    def leave(self, connection: Connection) -> None:
        """The connection that had entered is closed."""
        self._open -= 1
        self._strangers -= connection.stranger
        self._charged -= connection.charged
        connections_open.dec()
        self.busy(connection)

    def busy(self, connection: Connection) -> None:
        """Its request is complete: it keeps its place until it is answered."""
        (self._waiting_strangers if connection.stranger else self._waiting).pop(connection, None)

    def waits(self, connection: Connection) -> None:
        """It is answered, and may send another request or has to close."""
        if connection.stranger:
            self._waiting_strangers.pop(connection, None)
            self._waiting_strangers[connection] = time.monotonic()
        else:
            self._waiting[connection] = None

    def holds(self, connection: Connection, size: int) -> bool:
        """Note that the connection holds so many bytes; return whether there is room for them."""
        charged = max(size - FREE_BYTES, 0)
        more = charged - connection.charged
        if more > 0 and self._charged + more > SHARED_BYTES:
            connections_dropped.labels("memory").inc()
            return False
        self._charged += more
        connection.charged = charged
        return True

    @staticmethod
    def _drop_oldest(waiting: dict[Connection, Any]) -> None:
        """Drop the one that has waited longest. It leaves before the next turn of the event loop."""
        oldest = next(iter(waiting))
        del waiting[oldest]
        oldest.drop()
