"""Housekeeping loop: erases old personal data and prunes old history.

One worker at a time does this, in small transactions.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.applications.reference_keys import prune_reference_keys
from app.clock import now
from app.db.checks.clock_guard import ClockGuard, keep_pass, read_clocks
from app.db.connections import CONNECT_ERRORS, describe_error
from app.db.engine import Sessions
from app.logs import get_logger
from app.metrics import housekeeping_stopped
from app.operations.maintenance.application_erasure import erase_old_applications
from app.operations.maintenance.erasure import erase_old
from app.operations.maintenance.mail_erasure import erase_old_mails, prune_mails
from app.operations.maintenance.pruning import NOTHING, prune_answers, prune_history
from app.reconciliation.pruning import prune_reconciliations

EVERY_SECONDS = 3_600.0
STOPPED_SECONDS = 60.0
"""Pause before clocks that did not agree are compared again."""
PAUSE_SECONDS = 0.05
"""Pause between two batches, so that other work gets the disk."""
_LOCK = text("SELECT pg_try_advisory_xact_lock(7236405903)")

log = get_logger("housekeeping")


class Housekeeping:
    """Runs a pass at the start and every hour, until cancelled.

    `personal_data` and `history` are the ages at which data goes; None keeps it forever. No pass
    runs while the clocks disagree. `clock` is the clock of this process.
    """

    def __init__(
        self,
        sessions: Sessions,
        *,
        personal_data: timedelta | None,
        history: timedelta | None,
        clock: Callable[[], datetime] = now,
        guard: ClockGuard | None = None,
    ) -> None:
        self._sessions = sessions
        self._personal_data = personal_data
        self._history = history
        self._clock = clock
        self._guard = guard or ClockGuard()

    async def run(self) -> None:
        """Run passes until cancelled. A pass that the database interrupts runs again later."""
        while True:
            pause = EVERY_SECONDS
            try:
                if not await self.run_checked():
                    pause = STOPPED_SECONDS
            except (SQLAlchemyError, *CONNECT_ERRORS) as error:
                log.warning("housekeeping_interrupted", error=describe_error(error))
            await asyncio.sleep(pause)

    async def run_checked(self) -> bool:
        """Run a pass if the clocks agree and no other worker runs one.

        Return True if the clocks agree.
        """
        async with self._sessions.begin() as session:
            clocks = await read_clocks(session, self._clock)
            reason_to_stop = self._guard.reason_to_stop(clocks)
            housekeeping_stopped.set(reason_to_stop is not None)
            if reason_to_stop is not None:
                log.error("housekeeping_stopped", reason=reason_to_stop)
                return False
            if not await session.scalar(_LOCK):
                return True  # another worker runs a pass
            async with self._sessions.begin() as mark:
                await keep_pass(mark)
            erased, pruned = await self.run_pass(clocks.database)
        if erased or pruned:
            log.info("housekeeping_done", notices_erased=erased, webhooks_pruned=pruned)
        return True

    async def run_pass(self, at: datetime | None = None) -> tuple[int, int]:
        """Run one full pass; return the numbers of notices processed and webhooks pruned.

        Ages are counted back from `at` (None: from the database's clock), even if a clock jumps
        during the pass.
        """
        await prune_reference_keys(self._sessions, at)
        return await self._erase(at), await self._prune(at)

    async def _erase(self, at: datetime | None) -> int:
        erased = 0
        while self._personal_data is not None and (
            batch := await erase_old(self._sessions, self._personal_data, at=at)
        ):
            erased += batch
            await asyncio.sleep(PAUSE_SECONDS)
        await self._erase_applications(at)
        await self._erase_mails(at)
        return erased

    async def _erase_mails(self, at: datetime | None) -> None:
        gone = 1
        while self._personal_data is not None and gone:
            gone = await erase_old_mails(self._sessions, self._personal_data, at=at)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _prune_mails(self, age: timedelta, at: datetime | None) -> None:
        gone = 1
        while gone:
            gone = await prune_mails(self._sessions, age, at=at)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _erase_applications(self, at: datetime | None) -> None:
        gone = 1
        while self._personal_data is not None and gone:
            gone = await erase_old_applications(self._sessions, self._personal_data, at=at)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _prune(self, at: datetime | None) -> int:
        if self._history is None:
            return 0
        pruned, after = 0, 0
        while True:
            last, batch = await prune_history(self._sessions, self._history, after=after, at=at)
            pruned += batch
            if last is None:
                break
            after = last
            await asyncio.sleep(PAUSE_SECONDS)
        await self._prune_answers(self._history, at)
        await self._prune_reconciliations(self._history, at)
        await self._prune_mails(self._history, at)
        return pruned

    async def _prune_answers(self, age: timedelta, at: datetime | None) -> None:
        after: UUID | None = NOTHING
        while after is not None:
            after, _ = await prune_answers(self._sessions, age, after=after, at=at)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _prune_reconciliations(self, age: timedelta, at: datetime | None) -> None:
        gone: int | None = 0
        while gone is not None:
            gone = await prune_reconciliations(self._sessions, age, at=at)
            await asyncio.sleep(PAUSE_SECONDS)
