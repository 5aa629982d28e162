"""Flow control between connections: strangers and senders of much data take turns, and leave time
for all others.
"""

import asyncio
from collections import deque
from collections.abc import Callable

BULK_BYTES = 16 * 1024
"""Bytes in one turn from which on a sender takes turns. Zeus's calls are below 4 KB."""


class RoundRobin:
    """Connections of one listener that take turns, in order.

    Serving one costs about as much as refusing five.
    """

    def __init__(self) -> None:
        self._queue: deque[Callable[[], None]] = deque()

    def take(self, serve: Callable[[], None]) -> None:
        """Call `serve` in this connection's turn. The event loop serves one of them per turn."""
        if not self._queue:
            asyncio.get_running_loop().call_soon(self._serve)
        self._queue.append(serve)

    def _serve(self) -> None:
        first = self._queue.popleft()
        if self._queue:
            asyncio.get_running_loop().call_soon(self._serve)
        first()


class ReadPace:
    """Pause and resume of a transport.

    Unpaused, uvloop reads a fast sender up to 32 times in one turn.
    """

    def __init__(self, round_robin: RoundRobin, transport: asyncio.Transport) -> None:
        self._round_robin = round_robin
        self._transport = transport
        self._queues = False
        self._held = False

    def queue(self, serve: Callable[[], None] | None = None) -> None:
        """Pause reading until this connection's turn, then call `serve`, if given, and resume."""
        if not self._queues:
            self._queues = True
            self._transport.pause_reading()
            self._round_robin.take(self._read_on if serve is None else lambda: self._serve(serve))

    def hold(self) -> None:
        """Pause reading until `release`: the sender waits."""
        if not self._held:
            self._held = True
            self._transport.pause_reading()

    def release(self) -> None:
        """Resume reading, if it is this connection's turn."""
        self._held = False
        self._resume()

    def _serve(self, serve: Callable[[], None]) -> None:
        if not self._transport.is_closing():
            serve()
            self._read_on()

    def _read_on(self) -> None:
        self._queues = False
        self._resume()

    def _resume(self) -> None:
        if not (self._held or self._queues or self._transport.is_closing()):
            self._transport.resume_reading()
