"""Export of orders as CSV: one snapshot, read page by page, without personal data."""

from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.db.tables.orders import OrderRow
from app.downloads import Chunks
from app.operations.exports.cells import number_cell, text_cell
from app.operations.exports.sheets import (
    AS_IN_THE_API,
    PAGE_ROWS,
    Columns,
    Sheet,
    SheetWords,
    bool_cell,
    moment_cell,
)
from app.operations.orders.release import state_of
from app.operations.orders.search import OrderQuery, read_matching
from app.operations.reviews.filters import held_by
from app.zeus.parameters import deadline_of
from app.zeus.statuses import Status
from app.zeus.stores import store_of

# With OFFSET, Postgres looks for each order, and never reads all open reviews for a page.
_HELD = held_by(OrderRow.order_no).offset(0).correlate(OrderRow).exists().label("held")
_READ = (
    OrderRow.order_no,
    OrderRow.state,
    OrderRow.status,
    OrderRow.money,
    OrderRow.clientip,
    OrderRow.pay_cvs,
    OrderRow.pay_no1,
    OrderRow.pay_no2,
    OrderRow.pay_limit,
    OrderRow.sendid,
    OrderRow.sendpoint,
    OrderRow.test,
    OrderRow.cycle,
    OrderRow.flags,
    OrderRow.created_at,
    OrderRow.updated_at,
    OrderRow.released_cycle,
    OrderRow.revoked_cycle,
    OrderRow.held_cycle,
    _HELD,
)
_COLUMNS: Columns = {
    "order_no": lambda row, _: number_cell(row.order_no),
    "state": lambda row, words: words.state(row.state),
    "status": lambda row, _: number_cell(row.status),
    "status_name": lambda row, _: Status(row.status).japanese,
    "payable": lambda row, _: bool_cell(Status(row.status).payable),
    "final": lambda row, _: bool_cell(Status(row.status).final),
    "release": lambda row, words: words.release(state_of(row, held=row.held)),
    "money": lambda row, _: row.money,
    "clientip": lambda row, _: number_cell(row.clientip),
    "store": lambda row, _: text_cell(row.pay_cvs),
    "store_name": lambda row, _: _store_name(row.pay_cvs),
    "pay_no1": lambda row, _: number_cell(row.pay_no1),
    "pay_no2": lambda row, _: number_cell(row.pay_no2),
    "payment_deadline": lambda row, _: deadline_of(row.pay_limit),
    "sendid": lambda row, _: number_cell(row.sendid),
    "sendpoint": lambda row, _: number_cell(row.sendpoint),
    "cycle": lambda row, _: row.cycle,
    "flags": lambda row, _: text_cell(" ".join(row.flags)),
    "first_call_jst": lambda row, _: moment_cell(row.created_at),
    "last_change_jst": lambda row, _: moment_cell(row.updated_at),
    "test": lambda row, _: bool_cell(row.test),
}
ORDER_COLUMNS = tuple(_COLUMNS)
"""Names of the columns, in their order."""


async def orders_csv(
    sessions: Sessions, query: OrderQuery, words: SheetWords = AS_IN_THE_API
) -> Chunks:
    """Yield the orders that match as CSV, the newest first. Raise BadRange."""
    sheet = Sheet(_COLUMNS, words)
    ahead = sheet.head()
    async with snapshot(sessions) as session:
        async for rows in read_matching(session, query, _READ, PAGE_ROWS):
            yield ahead + sheet.lines(rows)
            ahead = b""
    if ahead:
        yield ahead


def _store_name(code: str | None) -> str:
    store = store_of(code)
    return store.name if store else ""
