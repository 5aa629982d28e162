"""Applications that wait: lost senders, unknown outcomes, and calls that have not come. SQL.

All times are the database's. Nothing is kept but the rows, so nothing is lost while no worker runs.
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.applications.linking import link_order
from app.applications.reviews import asking_review
from app.applications.states import ApplicationState
from app.db.driver.direct import finds_any
from app.db.engine import Sessions
from app.db.tables.applications import ApplicationRow
from app.judging.statements.review_rows import write_reviews
from app.logs import get_logger
from app.order_life.reviews import Reason

BATCH = 100
"""Applications at most that one transaction changes."""

_LOSE = text(f"""
WITH due AS (
  SELECT id FROM applications WHERE state = '{ApplicationState.SENDING}'
    AND lost_after < clock_timestamp()
  ORDER BY id LIMIT {BATCH} FOR UPDATE SKIP LOCKED
)
UPDATE applications SET state = '{ApplicationState.UNKNOWN}', lost_after = NULL,
  failure = 'the sender ended before it recorded an answer'
FROM due WHERE applications.id = due.id RETURNING applications.id
""")  # noqa: S608 - only our own constants are put in

_WAITS = """asked_at IS NULL AND called_at IS NULL
    AND greatest(sent_at, answered_at, resolved_at) < clock_timestamp() - CAST(:due AS interval)"""
_DUE = text(f"""
SELECT WHERE EXISTS (
    SELECT FROM applications WHERE state = '{ApplicationState.SENDING}'
      AND lost_after < clock_timestamp()
  ) OR EXISTS (
    SELECT FROM applications WHERE state = '{ApplicationState.UNKNOWN}' AND {_WAITS}
  ) OR EXISTS (
    SELECT FROM applications WHERE state = '{ApplicationState.ACCEPTED}' AND {_WAITS}
  )
""")  # noqa: S608 - only our own constants are put in

log = get_logger("applications")


class DueApplications:
    """Handles what is due for applications, once. Any number of workers may do it."""

    def __init__(self, sessions: Sessions, due: timedelta) -> None:
        """`due` is the time after which a review asks about an application."""
        self._sessions = sessions
        self._due = due

    async def run_batch(self) -> int:
        """Handle what is due, a bounded number of it, and return how many were handled."""
        if not await finds_any(self._sessions, _DUE, {"due": self._due}):
            return 0
        lost = await self._lose()
        asked = await self._ask_unknown()
        linked, missing = await self._ask_uncalled()
        return lost + asked + linked + missing

    async def _lose(self) -> int:
        """Make applications unknown whose sender is gone."""
        async with self._sessions.begin() as session:
            lost = (await session.scalars(_LOSE)).all()
        if lost:
            log.warning("applications_lost", applications=len(lost))
        return len(lost)

    async def _ask_unknown(self) -> int:
        """Open a review for each application that has been unknown for too long."""
        async with self._sessions.begin() as session:
            rows = await self._waiting(session, ApplicationState.UNKNOWN)
            return await _ask(session, rows, Reason.APPLICATION_UNKNOWN)

    async def _ask_uncalled(self) -> tuple[int, int]:
        """Link accepted applications with their orders; open a review for those without a call."""
        async with self._sessions() as session:
            rows = await self._waiting(session, ApplicationState.ACCEPTED)
        linked = [row.id for row in rows if await link_order(self._sessions, row)]
        if len(linked) == len(rows):
            return len(linked), 0
        # A call may have come meanwhile. It holds the row, or it finds the review and settles it.
        async with self._sessions.begin() as session:
            rows = await self._waiting(session, ApplicationState.ACCEPTED)
            return len(linked), await _ask(session, rows, Reason.CALL_MISSING)

    async def _waiting(
        self, session: AsyncSession, state: ApplicationState
    ) -> list[ApplicationRow]:
        """Return the oldest applications in `state` for too long, and lock them."""
        since = func.greatest(
            ApplicationRow.sent_at, ApplicationRow.answered_at, ApplicationRow.resolved_at
        )
        conditions: list[ColumnElement[bool]] = [
            ApplicationRow.state == text(f"'{state}'"),
            ApplicationRow.asked_at.is_(None),
            ApplicationRow.called_at.is_(None),
            since < func.clock_timestamp() - self._due,
        ]
        query = select(ApplicationRow).where(*conditions).order_by(ApplicationRow.id).limit(BATCH)
        return list(await session.scalars(query.with_for_update(skip_locked=True)))


async def _ask(session: AsyncSession, rows: list[ApplicationRow], reason: Reason) -> int:
    """Open a review of each, and note that."""
    if rows:
        await write_reviews(session, [asking_review(row, reason) for row in rows], [], ())
        for row in rows:
            row.asked_at = func.clock_timestamp()
    return len(rows)
