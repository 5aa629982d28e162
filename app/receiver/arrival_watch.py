"""Watch over what waits before the receiver: the accept queue, and the delay of the event loop."""

import asyncio
import socket

from app.logs import get_logger
from app.metrics import (
    accept_queue_connections,
    accept_queue_limit,
    accept_queue_overflows,
    loop_lag_seconds,
)
from app.network.kernel_queue import accept_queue, overflows

EVERY_SECONDS = 0.5
_QUIET_SECONDS = 60.0
"""Least time between two lines about dropped connections."""

log = get_logger("receiver")


class ArrivalWatch:
    """Measures twice a second, until cancelled."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._overflows = overflows()
        self._untold = 0
        self._told_at = -_QUIET_SECONDS

    async def run(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            planned = loop.time() + EVERY_SECONDS
            await asyncio.sleep(EVERY_SECONDS)
            loop_lag_seconds.observe(max(loop.time() - planned, 0.0))
            self.measure(loop.time())

    def measure(self, at: float) -> None:
        """Note the accept queue. Log dropped connections, at most once a minute; `at` is in
        seconds.
        """
        queue = accept_queue(self._listening) if self._listening.fileno() >= 0 else None
        if queue is not None:
            accept_queue_connections.set(queue.length)
            accept_queue_limit.set(queue.limit)
        before, self._overflows = self._overflows, overflows()
        if before is not None and self._overflows is not None and self._overflows > before:
            accept_queue_overflows.inc(self._overflows - before)
            self._untold += self._overflows - before
        if self._untold and at - self._told_at >= _QUIET_SECONDS:
            log.error("connections_overflowed", connections=self._untold)
            self._untold, self._told_at = 0, at
