"""Wake-up of feed readers that wait for new events.

One query serves all waiting readers, and none of them holds a connection.
"""

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
    """Latest known position of the feed, and the readers that wait for a later one."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._position = 0
        self._waiting = 0
        self._changed = asyncio.Event()
        self._running = False
        self._closed = False

    @property
    def waiting(self) -> int:
        """Number of waiting readers."""
        return self._waiting

    @property
    def closed(self) -> bool:
        """True once `close` was called: no reader may wait any more."""
        return self._closed

    async def run(self, listener: NotifyListener) -> None:
        """Query the latest position while readers wait: on each NOTIFY and every second.

        Run until cancelled. The caller runs `listener`.
        """
        self._running = True
        try:
            while True:
                await listener.wait(OUTBOUND)
                if self._waiting:
                    self._advance(await in_transaction(self._sessions, "feed_look", _latest) or 0)
        finally:
            self._running = False
            self._wake()

    def close(self) -> None:
        """Wake all waiting readers, and let none wait from now on."""
        self._closed = True
        self._wake()

    async def beyond(self, position: int, seconds: float) -> None:
        """Return when there may be an event behind `position`, or after `seconds`.

        If `run` is not active, return after one second: the caller then queries by itself.
        """
        deadline = monotonic() + seconds
        self._waiting += 1
        try:
            while (
                not self._closed
                and self._position <= position
                and (left := deadline - monotonic()) > 0
            ):
                alone = not self._running
                with suppress(TimeoutError):
                    await asyncio.wait_for(
                        self._changed.wait(), min(left, POLL_SECONDS) if alone else left
                    )
                if alone:
                    return
        finally:
            self._waiting -= 1

    def _advance(self, position: int) -> None:
        if position > self._position:
            self._position = position
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


async def _latest(session: AsyncSession) -> int:
    return (
        await session.scalar(
            select(func.max(EventRow.position)).where(EventRow.position.is_not(None))
        )
        or 0
    )
