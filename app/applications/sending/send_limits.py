"""Limits on sending: POSTs at the same time, and a pause while Zeus cannot be reached."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

AT_THE_SAME_TIME = 100
"""POSTs in flight in one process."""
SLOT_SECONDS = 5.0
"""Longest wait for a place among them."""
FAILURES = 5
"""Applications in a row that were not sent, after which the breaker opens."""
OPEN_SECONDS = 5.0
"""Time for which the open breaker refuses. Then one application tries."""


class SendLimits:
    """Places for POSTs, and a circuit breaker. An application without a place is not sent."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_THE_SAME_TIME)
        self._failures = 0
        self._open_until = 0.0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[str | None]:
        """Yield the reason why nothing may be sent now, or None while a place is held."""
        if self._is_open():
            yield "Zeus could not be reached a moment ago"
            return
        try:
            async with asyncio.timeout(SLOT_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            yield "too many applications at the same time"
            return
        try:
            yield None
        finally:
            self._places.release()

    def note(self, failed: bool) -> None:
        """Note that an application could not be sent, or that Zeus was reached."""
        self._failures = self._failures + 1 if failed else 0
        if self._failures >= FAILURES:
            self._open_until = time.monotonic() + OPEN_SECONDS

    def _is_open(self) -> bool:
        """Return True while the breaker is open. When its time is over, one caller passes."""
        if self._failures < FAILURES:
            return False
        if time.monotonic() < self._open_until:
            return True
        self._open_until = time.monotonic() + OPEN_SECONDS
        return False
