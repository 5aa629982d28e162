"""Housekeeping: forgets personal data and prunes history when their time has come, one worker at a time, in small transactions."""

import asyncio
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.db.connections import CONNECT_ERRORS, describe_error
from app.db.engine import Sessions
from app.logs import get_logger
from app.operating.erasure import erase_old
from app.operating.history import NOTHING, prune_answers, prune_history

EVERY_SECONDS = 3_600.0
PAUSE_SECONDS = 0.05
"""Between two batches: the disk has other work too."""
_LOCK = text("SELECT pg_try_advisory_xact_lock(7236405903)")

log = get_logger("housekeeping")


class Housekeeping:
    """Runs a pass at the start and every hour, until cancelled. `None` keeps that kind of data for ever."""

    def __init__(self, sessions: Sessions, *, personal_data: timedelta | None, history: timedelta | None) -> None:
        self._sessions = sessions
        self._personal_data = personal_data
        self._history = history

    async def run(self) -> None:
        """Keep house until cancelled. A database that is away is waited for."""
        while True:
            try:
                await self._pass_alone()
            except (SQLAlchemyError, *CONNECT_ERRORS) as error:
                log.warning("housekeeping_interrupted", error=describe_error(error))
            await asyncio.sleep(EVERY_SECONDS)

    async def _pass_alone(self) -> None:
        async with self._sessions.begin() as lock:
            if not await lock.scalar(_LOCK):
                return  # another worker is at it
            erased, pruned = await self.run_pass()
        if erased or pruned:
            log.info("housekeeping_done", notices_erased=erased, webhooks_pruned=pruned)

    async def run_pass(self) -> tuple[int, int]:
        """One pass over everything; returns how many notices were erased and how many webhooks pruned."""
        return await self._erase(), await self._prune()

    async def _erase(self) -> int:
        erased = 0
        while self._personal_data is not None and (batch := await erase_old(self._sessions, self._personal_data)):
            erased += batch
            await asyncio.sleep(PAUSE_SECONDS)
        return erased

    async def _prune(self) -> int:
        if self._history is None:
            return 0
        pruned, after = 0, 0
        while True:
            last, batch = await prune_history(self._sessions, self._history, after=after)
            pruned += batch
            if last is None:
                break
            after = last
            await asyncio.sleep(PAUSE_SECONDS)
        await self._prune_answers(self._history)
        return pruned

    async def _prune_answers(self, age: timedelta) -> None:
        after: UUID | None = NOTHING
        while after is not None:
            after, _ = await prune_answers(self._sessions, age, after=after)
            await asyncio.sleep(PAUSE_SECONDS)
