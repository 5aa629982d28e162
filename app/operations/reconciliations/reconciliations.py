"""Reconciliations: start with a file, progress, and outcomes by order."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import Select, literal, select, text

from app.clock import uuid7
from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.db.tables.reconciliations import DIFFERS, ReconciledOrderRow, ReconciliationRow
from app.operations.access.audit import write_entry
from app.operations.access.permissions import Action, Actor
from app.operations.errors import FileNotReadable, ReconciliationNotFound
from app.operations.pagination import Place, read_page
from app.operations.reconciliations.models import (
    ReconciledOrderPage,
    Reconciliation,
    ReconciliationInFull,
    ReconciliationPage,
    reconciled_order_of,
    reconciliation_of,
)
from app.reconciliation.comparison import Outcome
from app.reconciliation.loading import count_rows, load_rows
from app.reconciliation.progress import advance
from app.reconciliation.reader import UnreadableFile

_POLL_S = 0.1
"""Pause while a worker has the reconciliation."""


async def start_reconciliation(
    sessions: Sessions,
    file: BinaryIO,
    actor: Actor,
    *,
    heal: bool = False,
    columns: Mapping[str, str] | None = None,
) -> Reconciliation:
    """Store the orders of a file; workers compare them. With `heal`, make notices of what we lack.

    `columns` names the headings of fields. The file is read to its end before anything is stored.
    Raise FileNotReadable or NotAllowed.
    """
    actor.demand(Action.ORDERS_RECONCILED)
    columns = columns or {}
    try:
        total = await count_rows(file, columns)
    except UnreadableFile as error:
        raise FileNotReadable(error) from None
    file.seek(0)
    async with sessions.begin() as session:
        row = ReconciliationRow(id=uuid7(), heal=heal, total=total, created_by=actor.name)
        session.add(row)
        await session.flush()
        await load_rows(session, row.id, file, columns)
        subject = f"reconciliation:{row.id}"
        await write_entry(
            session, actor, Action.ORDERS_RECONCILED, subject, orders=total, heal=heal
        )
        await session.refresh(row)
    return reconciliation_of(row)


async def follow(
    sessions: Sessions, reconciliation_id: UUID, path: str
) -> AsyncIterator[Reconciliation]:
    """Advance a reconciliation to its end, beside workers that do the same, and yield its progress.

    `path` is that of the notification endpoint. Raise ReconciliationNotFound.
    """
    while True:
        async with sessions.begin() as session:
            batch = await advance(session, path, reconciliation_id)
        if batch is None:
            await asyncio.sleep(_POLL_S)
        async with sessions() as session:
            row = await session.get(ReconciliationRow, reconciliation_id)
        if row is None:
            raise ReconciliationNotFound
        yield (found := reconciliation_of(row))
        if found.finished_at is not None:
            return


async def list_reconciliations(sessions: Sessions, place: Place) -> ReconciliationPage:
    """Return all reconciliations, the newest first. Raise BadCursor."""
    async with sessions() as session:
        rows, cursor, has_more = await read_page(
            session, select(ReconciliationRow), ReconciliationRow.id, place, newest_first=True
        )
    return ReconciliationPage(
        items=[reconciliation_of(row) for (row,) in rows], next_cursor=cursor, has_more=has_more
    )


async def show_reconciliation(
    sessions: Sessions, reconciliation_id: UUID, place: Place, outcome: Outcome | None = None
) -> ReconciliationInFull:
    """Return a reconciliation with a page of the orders that have this outcome.

    Without `outcome`, of all that do not agree. Raise ReconciliationNotFound or BadCursor.
    """
    async with snapshot(sessions) as session:
        row = await session.get(ReconciliationRow, reconciliation_id)
        if row is None:
            raise ReconciliationNotFound
        rows, cursor, has_more = await read_page(
            session,
            _orders(reconciliation_id, outcome),
            ReconciledOrderRow.number,
            place,
            newest_first=False,
        )
    page = ReconciledOrderPage(
        items=[reconciled_order_of(one) for (one,) in rows], next_cursor=cursor, has_more=has_more
    )
    return ReconciliationInFull(**reconciliation_of(row).model_dump(), rows=page)


def _orders(reconciliation_id: UUID, outcome: Outcome | None) -> Select[ReconciledOrderRow]:
    """Return the query of the orders, written so that the indexes of differing ones can be used."""
    query = select(ReconciledOrderRow).where(
        ReconciledOrderRow.reconciliation_id == reconciliation_id
    )
    if outcome is not Outcome.AGREES:
        query = query.where(text(DIFFERS))
    if outcome is None:
        return query
    return query.where(ReconciledOrderRow.outcome == literal(outcome.value, literal_execute=True))
