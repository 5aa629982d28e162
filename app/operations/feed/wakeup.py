"""Telling readers of the feed that there is more: one look at the database for all who wait, and no connection for any of them."""

import asyncio
from contextlib import suppress
from time import monotonic

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.errors import in_transaction
from app.db.notify import OUTBOUND, POLL_SECONDS, NotifyListener
from app.db.tables.orders import EventRow


class FeedWakeup:
    """The latest position there is, as this process knows it, and those who wait for a later one."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._level = 0
        self._waiting = 0
        self._turn = asyncio.Event()
        self._running = False
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many readers wait."""
        return self._waiting

    @property
    def closed(self) -> bool:
        """Whether nobody may wait any more."""
        return self._closed

    async def run(self, listener: NotifyListener) -> None:
        """Look when `listener`, which somebody else runs, is woken, and every second, as long as anybody waits. Until cancelled."""
        self._running = True
        try:
            while True:
                await listener.wait(OUTBOUND)
                if self._waiting:
                    self._rise(await in_transaction(self._sessions, "feed_look", _latest) or 0)
        finally:
            self._running = False
            self._wake()

    def close(self) -> None:
        """Let everybody go who waits, and let nobody wait from now on."""
        self._closed = True
        self._wake()

    async def beyond(self, position: int, seconds: float) -> None:
        """Return when there may be an event behind `position`, after `seconds` at the latest.

        Where nobody runs the tide, after a second: the caller looks for itself.
        """
        deadline = monotonic() + seconds
        self._waiting += 1
        try:
            while (
                not self._closed
                and self._level <= position
                and (left := deadline - monotonic()) > 0
            ):
                alone = not self._running
                with suppress(TimeoutError):
                    await asyncio.wait_for(
                        self._turn.wait(), min(left, POLL_SECONDS) if alone else left
                    )
                if alone:
                    return
        finally:
            self._waiting -= 1

    def _rise(self, level: int) -> None:
        if level > self._level:
            self._level = level
            self._wake()

    def _wake(self) -> None:
        self._turn.set()
        self._turn = asyncio.Event()


async def _latest(session: AsyncSession) -> int:
    return (
        await session.scalar(
            select(func.max(EventRow.position)).where(EventRow.position.is_not(None))
        )
        or 0
    )
