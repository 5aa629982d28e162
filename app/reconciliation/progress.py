"""Progress of reconciliations: batches of comparison, healing and search that survive any crash."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import now
from app.db.engine import Sessions
from app.db.errors import in_statement, in_transaction
from app.logs import get_logger
from app.reconciliation import rows as sql
from app.reconciliation.comparison import OrderHere, Outcome, can_heal, compare
from app.reconciliation.healing import OUR_VALUES, healing_notice
from app.reconciliation.reader import ExportedOrder
from app.zeus.statuses import Status

BATCH = 2_000
"""Rows or orders of a batch."""
_BETWEEN_BATCHES_S = 0.02
_IDLE_S = 1.0

log = get_logger("reconciliation")


class ReconciliationState(StrEnum):
    """State of a reconciliation."""

    COMPARING = "comparing"
    """The rows of the file are compared with our orders."""
    SEARCHING = "searching"
    """Orders are searched that the file lacks."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ReconciledBatch:
    """One batch of a reconciliation, and the state after it."""

    reconciliation_id: UUID
    state: ReconciliationState


@dataclass(frozen=True, slots=True)
class _Compared:
    """A row of the file with its outcome."""

    there: ExportedOrder
    here: OrderHere | None
    outcome: Outcome
    stored: RowMapping

    @classmethod
    def of(cls, stored: RowMapping) -> "_Compared":
        status = Status(stored["status"]) if stored["status"] else None
        there = ExportedOrder(stored["line"], stored["order_no"], status, stored["money"])
        here = _order_of(stored)
        return cls(there, here, compare(there, here), stored)

    @property
    def ours(self) -> dict[str, str | None]:
        """Return the values of the known order."""
        money = self.stored["our_money"]
        values = {name: self.stored[name] for name in OUR_VALUES}
        return {**values, "money": None if money is None else str(money)}


async def advance(
    session: AsyncSession, path: str, reconciliation_id: UUID | None = None, *, batch: int = BATCH
) -> ReconciledBatch | None:
    """Run the next batch of a reconciliation, this one or the one that has waited longest.

    `path` is that of the notification endpoint. Return None if none is unfinished that nobody else
    works on. Never commit: an interrupted batch is rolled back as a whole, and the next one begins
    where it began.
    """
    job = await sql.take(session, reconciliation_id)
    if job is None:
        return None
    if job["state"] == ReconciliationState.COMPARING:
        state = await _compare(session, job, path, batch)
    else:
        state = await _search(session, job, batch)
    return ReconciledBatch(job["id"], state)


async def reconcile_forever(sessions: Sessions, path: str) -> None:
    """Run batches of all reconciliations. Return only when cancelled."""
    while True:
        step = None
        if await in_statement(sessions, "reconciliation", sql.is_any_unfinished):
            step = await in_transaction(
                sessions, "reconciliation", lambda session: advance(session, path)
            )
        if step is not None and step.state is ReconciliationState.DONE:
            log.info("reconciliation_ended", reconciliation_id=str(step.reconciliation_id))
        await asyncio.sleep(_IDLE_S if step is None else _BETWEEN_BATCHES_S)


async def _compare(
    session: AsyncSession, job: RowMapping, path: str, batch: int
) -> ReconciliationState:
    if job["heal"]:
        await sql.lock_healing(session)
    read = await sql.read_rows(session, job["id"], job["compared"], batch)
    compared = [_Compared.of(stored) for stored in read]
    healing, notices = _heal(compared, path) if job["heal"] else ({}, [])
    if notices:
        await sql.write_notices(session, notices)
    await sql.write_outcomes(session, job["id"], [_outcome_row(one, healing) for one in compared])
    state = ReconciliationState.SEARCHING if len(read) < batch else ReconciliationState.COMPARING
    await sql.write_progress(
        session,
        job["id"],
        compared=job["compared"] + len(read),
        healed=len(healing),
        state=state,
        **_counts(compared),
        **_span(compared),
    )
    return state


def _heal(compared: Sequence[_Compared], path: str) -> tuple[dict[int, UUID], list[dict[str, Any]]]:
    """Return by number of the row the notices that heal it, and the rows of new notices.

    A file may list an order twice, and an earlier file may have healed it already.
    """
    healing: dict[int, UUID] = {}
    made: dict[tuple[str, str | None], UUID] = {}
    notices = []
    for one in compared:
        if not can_heal(one.there, one.here):
            continue
        key = (one.there.order_no, one.there.status)
        earlier = one.stored["notice_id"] or made.get(key)
        if earlier is None:
            notices.append(healing_notice(one.there, one.ours, path, now()))
            earlier = made[key] = notices[-1]["id"]
        healing[one.stored["number"]] = earlier
    return healing, notices


def _outcome_row(one: _Compared, healing: dict[int, UUID]) -> dict[str, Any]:
    return {
        "number": one.stored["number"],
        "outcome": one.outcome,
        "our_status": one.stored["our_status"],
        "our_money": one.stored["our_money"],
        "notice_id": healing.get(one.stored["number"]),
    }


def _counts(compared: Sequence[_Compared]) -> dict[str, int]:
    found = Counter(one.outcome for one in compared)
    return {
        outcome.value: found[outcome] for outcome in Outcome if outcome is not Outcome.UNKNOWN_THERE
    }


def _span(compared: Sequence[_Compared]) -> dict[str, Any]:
    """Return the times at which the first and the last known order was created here."""
    created = [
        one.stored["created_at"]
        for one in compared
        if one.stored["created_at"] and not one.stored["made_by_healing"]
    ]
    return {"first_at": min(created, default=None), "last_at": max(created, default=None)}


async def _search(session: AsyncSession, job: RowMapping, batch: int) -> ReconciliationState:
    """Store the next orders that the file lacks."""
    if job["first_at"] is None:
        found: dict[str, Any] = {"lacking": 0, "at": None, "order_no": None, "seen": 0}
    else:
        after = (job["searched_at"] or job["first_at"], job["searched_order_no"] or "")
        number = job["total"] + job["unknown_there"]
        found = dict(
            await sql.search_page(session, job["id"], number, after, job["last_at"], batch)
        )
    state = ReconciliationState.DONE if found.pop("seen") < batch else ReconciliationState.SEARCHING
    await sql.write_search(session, job["id"], **found, state=state)
    return state


def _order_of(stored: RowMapping) -> OrderHere | None:
    if stored["our_status"] is None:
        return None
    return OrderHere(
        Status(stored["our_status"]),
        stored["our_money"],
        frozenset(map(Status, stored["had"])),
        frozenset(map(Status, stored["had_ever"])),
    )
