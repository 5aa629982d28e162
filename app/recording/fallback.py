"""Fallback chain for a notice: Postgres, else the spool, else hold the call. A call is answered 200
only once its notice is durable.
"""

import asyncio
from datetime import datetime
from typing import Literal
from uuid import UUID

from app.logs import get_logger
from app.metrics import calls_held
from app.recording.notice import HoldExpired, RawNotice, Unstorable
from app.recording.postgres.appender import Appender, DatabaseAway, NotAppended
from app.recording.spool.spool import Spool

DATABASE_SHARE = 0.6
"""Postgres's share of the answer budget. The appender keeps to it; the spool gets the rest."""
HOLD_SECONDS = 45.0
"""Longer than Zeus's 40 s (manual, CGI call).

Zeus may retry a call that timed out, but never one that was answered with an error.
"""
_RETRY_SECONDS = 1.0

log = get_logger("ladder")


class FallbackChain:
    """Records each notice at the first step that works."""

    def __init__(
        self,
        appender: Appender,
        spool: Spool,
        *,
        budget: float = 5.0,
        when_unstorable: Literal["hold", "error"] = "hold",
        hold_limit: int = 1_000,
        hold_seconds: float = HOLD_SECONDS,
    ) -> None:
        self._appender = appender
        self._spool = spool
        self._spool_seconds = budget * (1 - DATABASE_SHARE)
        self._hold_limit = hold_limit if when_unstorable == "hold" else 0
        self._hold_seconds = hold_seconds
        self._held = 0

    async def append(self, notice: RawNotice) -> None:
        """Return once the notice is durable.

        Raises HoldExpired after holding it in vain, Unstorable if it may not be held. If the caller
        is cancelled while Postgres has the notice, the spool gets it: a disconnected caller loses
        nothing.
        """
        try:
            recorded = await self._record(notice)
        except asyncio.CancelledError:
            self._spool.append_soon(notice)
            raise
        if not recorded:
            await self._hold(notice)

    def answered(self, notice_id: UUID, moment: datetime) -> None:
        """Record that the answer to a notice was handed to the network in time."""
        self._appender.answered(notice_id, moment)

    def is_ready(self) -> bool:
        """Return True if a call could be recorded now, as far as known."""
        return self._appender.breaker.available or not self._spool.failing

    async def _record(self, notice: RawNotice) -> bool:
        try:
            await self._appender.append(notice)
        except NotAppended:
            return await self._spooled(notice, refused=True)
        except DatabaseAway:
            return await self._spooled(notice, refused=False)
        return True

    async def _spooled(self, notice: RawNotice, *, refused: bool) -> bool:
        try:
            async with asyncio.timeout(self._spool_seconds):
                await (self._spool.refuse(notice) if refused else self._spool.append(notice))
        except (Unstorable, TimeoutError):
            return False
        return True

    async def _hold(self, notice: RawNotice) -> None:
        if self._held >= self._hold_limit:
            log.error("call_not_recorded", notice_id=str(notice.id))
            raise Unstorable
        self._held += 1
        calls_held.set(self._held)
        try:
            async with asyncio.timeout(self._hold_seconds):
                while True:
                    await self._pause()
                    if await self._record(notice):
                        return
        except TimeoutError:
            log.error("held_call_not_recorded", notice_id=str(notice.id))
            raise HoldExpired from None
        finally:
            self._held -= 1
            calls_held.set(self._held)

    async def _pause(self) -> None:
        """Wait one retry interval, or until the database is back."""
        if self._appender.breaker.available:
            return await asyncio.sleep(_RETRY_SECONDS)
        try:
            await asyncio.wait_for(self._appender.breaker.wait_available(), _RETRY_SECONDS)
        except TimeoutError:
            return None
