"""Loading of an exported file into the database, in little memory."""

import asyncio
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.db.connections import Connection
from app.db.tables.reconciliations import ReconciledOrderRow
from app.reconciliation.reader import ExportedOrder, read_export

_COLUMNS: Final = ("reconciliation_id", "number", "line", "order_no", "status", "money")
_ROWS_AT_ONCE: Final = 20_000
"""Rows of one COPY, which must end within the limit of a statement."""


async def count_rows(file: BinaryIO, columns: Mapping[str, str]) -> int:
    """Return the number of orders in a file, read to its end. Raises UnreadableFile."""
    return await asyncio.to_thread(lambda: sum(1 for _ in read_export(file, columns)))


async def load_rows(
    session: AsyncSession, reconciliation_id: UUID, file: BinaryIO, columns: Mapping[str, str]
) -> None:
    """Copy the orders of a file into this transaction. Never commit."""
    connection = await _driver_connection(session)
    rows = _records(reconciliation_id, read_export(file, columns))
    while chunk := await asyncio.to_thread(lambda: list(islice(rows, _ROWS_AT_ONCE))):
        await connection.copy_records_to_table(
            ReconciledOrderRow.__tablename__, records=chunk, columns=_COLUMNS
        )


def _records(reconciliation_id: UUID, orders: Iterator[ExportedOrder]) -> Iterator[tuple[Any, ...]]:
    for number, order in enumerate(orders, 1):
        yield (reconciliation_id, number, order.line, order.order_no, order.status, order.money)


async def _driver_connection(session: AsyncSession) -> Connection:
    """Return the connection of a session's transaction. Something must have begun it."""
    pooled: Any = await (await session.connection()).get_raw_connection()
    connection: Connection = pooled.driver_connection
    return connection
