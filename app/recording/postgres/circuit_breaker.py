"""Circuit breaker of the database: while it is open, one probe waits for Postgres and no caller
does.
"""

import asyncio
from collections.abc import Awaitable, Callable

from app.db.connections import describe_error
from app.logs import get_logger
from app.metrics import database_available

_PROBE_SECONDS = 1.0
_PROBE_LIMIT_SECONDS = 8.0
_STEADY_SECONDS = 10.0
"""A database that is lost again within this time is probed less often."""

log = get_logger("breaker")


class Breaker:
    """Tells whether callers may try the database.

    `probe` does what a caller would do, and raises if that fails.
    """

    def __init__(self, probe: Callable[[], Awaitable[None]]) -> None:
        self._probe = probe
        self._available = asyncio.Event()
        self._tripped = asyncio.Event()
        self._delay = _PROBE_SECONDS
        self._closed_at = float("-inf")
        self._available.set()
        database_available.set(1)

    @property
    def available(self) -> bool:
        """Return True if callers may try the database."""
        return self._available.is_set()

    def trip(self, reason: str) -> None:
        """Open the breaker until a probe succeeds."""
        if not self.available:
            return
        log.error("database_away", reason=reason)
        steady = asyncio.get_running_loop().time() - self._closed_at > _STEADY_SECONDS
        self._delay = _PROBE_SECONDS if steady else min(self._delay * 2, _PROBE_LIMIT_SECONDS)
        self._available.clear()
        self._tripped.set()
        database_available.set(0)

    async def wait_available(self) -> None:
        """Return once callers may try the database."""
        await self._available.wait()

    async def run(self) -> None:
        """Probe at the start and whenever the breaker opens, until cancelled.

        The first probe spares the first call the discovery.
        """
        failure = (
            await self._failure() and await self._failure()
        )  # one lost connection proves nothing
        if failure is not None:
            self.trip(failure)
        while True:
            await self._tripped.wait()
            await asyncio.sleep(self._delay)
            failure = await self._failure()
            if failure is None:
                self._close()
            else:
                log.debug("probe_failed", error=failure)

    async def _failure(self) -> str | None:
        try:
            await self._probe()
        except Exception as error:
            # of any kind: the database cannot be used, and probing must go on
            return describe_error(error)
        return None

    def _close(self) -> None:
        log.info("database_back")
        self._closed_at = asyncio.get_running_loop().time()
        self._tripped.clear()
        self._available.set()
        database_available.set(1)
