"""The breaker: once the database is known to be away nobody waits for it but one probe."""

import asyncio
from collections.abc import Awaitable, Callable

from app.db.connections import describe_error
from app.logs import get_logger
from app.metrics import database_available

_PROBE_SECONDS = 1.0
_PROBE_LIMIT_SECONDS = 8.0
_STEADY_SECONDS = 10.0
"""A database that goes away sooner than this after it came back is probed less often."""

log = get_logger("breaker")


class Breaker:
    """Says whether the database is worth a try. `probe` tries what the callers would do and raises if it cannot be done."""

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
        """Whether callers may try the database."""
        return self._available.is_set()

    def trip(self, reason: str) -> None:
        """Take the database for away until a probe succeeds."""
        if not self.available:
            return
        log.error("database_away", reason=reason)
        steady = asyncio.get_running_loop().time() - self._closed_at > _STEADY_SECONDS
        self._delay = _PROBE_SECONDS if steady else min(self._delay * 2, _PROBE_LIMIT_SECONDS)
        self._available.clear()
        self._tripped.set()
        database_available.set(0)

    async def wait_available(self) -> None:
        """Return once the database may be tried."""
        await self._available.wait()

    async def run(self) -> None:
        """Probe once at the start, so that the first call need not find out, and whenever tripped; until cancelled."""
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
        except (
            Exception
        ) as error:  # whatever it is, the database cannot be used, and the probing must go on
            return describe_error(error)
        return None

    def _close(self) -> None:
        log.info("database_back")
        self._closed_at = asyncio.get_running_loop().time()
        self._tripped.clear()
        self._available.set()
        database_available.set(1)
