"""Export of events as JSON Lines: one snapshot, read page by page, without personal data."""

from sqlalchemy import select

from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.db.tables.orders import EventRow
from app.downloads import Chunks
from app.operations.exports.sheets import PAGE_ROWS
from app.operations.orders.events import event_of
from app.operations.orders.real_or_test import WithTests
from app.operations.pagination import Place, read_page
from app.operations.typed_input import known_order_no


async def events_jsonl(
    sessions: Sessions, order_no: str | None = None, tests: WithTests = WithTests.INCLUDE
) -> Chunks:
    """Yield the events as in the list of events, one a line, the oldest first."""
    place, has_more = Place(None, PAGE_ROWS), True
    async with snapshot(sessions) as session:
        query = select(EventRow)
        if order_no is not None:
            known = await known_order_no(session, order_no)
            query = query.where(EventRow.order_no == known)
        if tests.flag is not None:
            query = query.where(EventRow.test.is_(tests.flag))
        while has_more:
            rows, cursor, has_more = await read_page(
                session, query, EventRow.id, place, newest_first=False
            )
            yield b"".join(_line(row) for (row,) in rows)
            place = Place(cursor, PAGE_ROWS)


def _line(row: EventRow) -> bytes:
    return event_of(row, personal=False).model_dump_json().encode() + b"\n"
