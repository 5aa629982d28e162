"""Connection limit: open connections, their memory, and the one that is closed at the limit."""

import math
import time
from typing import Any, Protocol

from app.metrics import connections_dropped, connections_open

STRANGERS = 256
"""Connections from peers that are neither allowed sources nor trusted proxies, at most.

A quarter of all if that is less.
"""
STRANGER_SECONDS = 1.0
"""Seconds without a complete request after which a stranger gives way to another one.

In a flood most strangers are refused, which costs least.
"""
FREE_BYTES = 8 * 1024
"""Bytes of an incomplete request that a connection may always hold. Zeus's calls are below 4 KB."""
SHARED_BYTES = 64 * 1024 * 1024
"""Bytes above FREE_BYTES that all connections may hold together."""
_RESERVE = 2_304
"""File descriptors kept free, half of all at most.

A full backlog may be accepted before its first connection is counted here, and the database, the
spool and outgoing webhooks need some too.
"""


class Connection(Protocol):
    """Connection as the limit sees it."""

    stranger: bool
    charged: int
    """Bytes of SHARED_BYTES that the connection takes. Only the limit changes it."""

    def drop(self) -> None:
        """Close now."""


class ConnectionLimit:
    """Open connections of one listener.

    `descriptors` is the number of files that the process may open.
    """

    def __init__(self, descriptors: int) -> None:
        self._capacity = max(descriptors - min(_RESERVE, descriptors // 2), 16)
        self._strangers_limit = min(STRANGERS, self._capacity // 4)
        self._open = 0
        self._strangers = 0
        self._charged = 0
        # Connections without a complete request, oldest first, and the time since which strangers
        # wait.
        self._waiting: dict[Connection, None] = {}
        self._waiting_strangers: dict[Connection, float] = {}

    def enter(self, connection: Connection) -> bool:
        """Return True if a new connection may stay.

        At the limit, the connection that has waited longest for its sender is closed, strangers
        first. For a stranger only a stranger is closed, after STRANGER_SECONDS.
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
        """Remove a closed connection."""
        self._open -= 1
        self._strangers -= connection.stranger
        self._charged -= connection.charged
        connections_open.dec()
        self.busy(connection)

    def busy(self, connection: Connection) -> None:
        """Note that its request is complete: it stays open until it is answered."""
        (self._waiting_strangers if connection.stranger else self._waiting).pop(connection, None)

    def waits(self, connection: Connection) -> None:
        """Note that it is answered: it may send another request, or close."""
        if connection.stranger:
            self._waiting_strangers.pop(connection, None)
            self._waiting_strangers[connection] = time.monotonic()
        else:
            self._waiting[connection] = None

    def holds(self, connection: Connection, size: int) -> bool:
        """Note the bytes that the connection holds. Return True if that is within the limit."""
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
        """Close the connection that has waited longest. It is gone before the loop's next turn."""
        oldest = next(iter(waiting))
        del waiting[oldest]
        oldest.drop()
