"""Exported files for tests: loaded, advanced to the end, and looked up."""

import io
from typing import Any
from uuid import UUID

from app.clock import uuid7
from app.db.tables.reconciliations import ReconciliationRow
from app.reconciliation.loading import count_rows, load_rows
from app.reconciliation.progress import ReconciliationState, advance
from tests.operations.operations_setup import OperationsSetup

PATH = "/zeus/notify"
HEADING = "オーダーNo,決済状況,金額"


def export(*lines: str, encoding: str = "cp932") -> bytes:
    """Return a file as Zeus's console may export it."""
    return "".join(f"{line}\r\n" for line in (HEADING, *lines)).encode(encoding)


async def load(setup: OperationsSetup, raw: bytes, *, heal: bool = False) -> UUID:
    """Load a file. Return the id of its reconciliation."""
    job_id = uuid7()
    total = await count_rows(io.BytesIO(raw), {})
    async with setup.sessions.begin() as session:
        session.add(ReconciliationRow(id=job_id, heal=heal, total=total, created_by="sato"))
        await session.flush()
        await load_rows(session, job_id, io.BytesIO(raw), {})
    return job_id


async def finish(setup: OperationsSetup, job_id: UUID, *, batch: int = 1_000) -> Any:
    """Advance a reconciliation to its end. Return its row."""
    state = None
    while state is not ReconciliationState.DONE:
        async with setup.sessions.begin() as session:
            step = await advance(session, PATH, job_id, batch=batch)
        assert step is not None
        state = step.state
    [row] = await setup.rows(f"SELECT * FROM reconciliations WHERE id = '{job_id}'")
    return row


async def reconciled(setup: OperationsSetup, *lines: str, heal: bool = False) -> dict[str, str]:
    """Compare a file. Return the outcomes by order."""
    job_id = await load(setup, export(*lines), heal=heal)
    await finish(setup, job_id)
    return await outcomes(setup, job_id)


async def outcomes(setup: OperationsSetup, job_id: UUID) -> dict[str, str]:
    """Return the outcomes of a reconciliation by order."""
    query = (
        f"SELECT order_no, outcome FROM reconciliation_rows WHERE reconciliation_id = '{job_id}'"
    )
    return {row.order_no: row.outcome for row in await setup.rows(query)}
