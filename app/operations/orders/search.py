"""Order search by order number, sendid, telephone's end, amount, state and days."""

import base64
import binascii
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field
from sqlalchemy import ColumnElement, Row, Select, exists, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.db.tables.orders import OrderRow
from app.events.types import OrderState
from app.operations.errors import BadCursor
from app.operations.models import Line, Page, Value
from app.operations.orders.days import Day, Span, span_of
from app.operations.orders.history import Order, fields_of
from app.operations.orders.real_or_test import WithTests
from app.operations.pagination import Column, Place, along
from app.operations.typed_input import fold, fold_money, fold_tail, known_order_no

Tail = Annotated[str, BeforeValidator(fold_tail), Field(pattern="^[0-9]{4}$")]
"""Last four digits of a telephone number."""
Money = Annotated[int, BeforeValidator(fold_money), Field(ge=0, le=2**63 - 1)]
"""Amount in yen."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TIME_BYTES = 8
_KEYS = (OrderRow.created_at, OrderRow.order_no)
_INDEXED: Mapping[str, Column] = {
    "sendid": OrderRow.sendid,
    "telno_tail": OrderRow.telno_tail,
    "money": OrderRow.money,
    "state": OrderRow.state,
}
_NO_COLUMN = {"date", "first_day", "last_day", "test"}
_HAS_SENDID = text("orders.sendid <> '' AND length(orders.sendid) <= 255")
"""Condition of the index, which holds only orders with a sendid of searchable length."""


class OrderQuery(Value):
    """Search values. A missing value matches every order."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    order_no: Annotated[Line | None, Field(max_length=255, examples=["1234-56789-01234"])] = None
    """Complete order number of Zeus (オーダー番号)."""
    sendid: Annotated[Line | None, Field(min_length=1, max_length=255, examples=["A-1001"])] = None
    """Complete number of the merchant (sendid)."""
    telno_tail: Annotated[Tail | None, Field(examples=["5678"])] = None
    """Last four digits of the customer's telephone number."""
    money: Annotated[Money | None, Field(examples=[5400])] = None
    """Amount in yen."""
    date: Annotated[Day | None, Field(examples=["2026-11-23"])] = None
    """Day in Japan on which the first call of the order was judged."""
    state: Annotated[OrderState | None, Field(examples=["paid"])] = None
    """State of the order now."""
    first_day: Annotated[Day | None, Field(alias="from", examples=["2026-11-01"])] = None
    """First of the days in Japan on which the first call of the order was judged."""
    last_day: Annotated[Day | None, Field(alias="to", examples=["2026-11-30"])] = None
    """Last of these days."""
    test: WithTests = WithTests.INCLUDE
    """Part of the orders of test applications."""

    @property
    def span(self) -> Span:
        """Return the time of the first call. Raise BadRange."""
        days, day = span_of(self.first_day, self.last_day), span_of(self.date, self.date)
        return Span(
            max(filter(None, (days.begin, day.begin)), default=None),
            min(filter(None, (days.end, day.end)), default=None),
        )


class FoundOrder(Order):
    """Order that matches a search."""

    order_no: Annotated[str, Field(examples=["1234-56789-01234"])]


class FoundOrderPage(Page[FoundOrder]):
    """Orders, the newest first."""


async def search_orders(sessions: Sessions, place: Place, query: OrderQuery) -> FoundOrderPage:
    """Return the orders that match every value of `query`, the newest first.

    Numbers are looked up as they were typed, and in their plain spelling only if that finds none.
    Raise BadCursor or BadRange.
    """
    after = None if place.cursor is None else _key_of(place.cursor)
    statement = select(OrderRow)
    async with snapshot(sessions) as session:
        query = await _normalised(session, query)
        rows = list(
            await session.scalars(_matching(statement, query, after).limit(place.limit + 1))
        )
    page = rows[: place.limit]
    cursor = order_cursor(page[-1].created_at, page[-1].order_no) if page else place.cursor
    items = [FoundOrder(order_no=row.order_no, **fields_of(row)) for row in page]
    return FoundOrderPage(items=items, next_cursor=cursor, has_more=len(rows) > place.limit)


async def read_matching(
    session: AsyncSession,
    query: OrderQuery,
    columns: Sequence[ColumnElement[Any] | Column],
    size: int,
) -> AsyncIterator[Sequence[Row[Any]]]:
    """Yield `columns` of all orders that match, the newest first, at most `size` at a time.

    `columns` include the keys `created_at` and `order_no`. Raise BadRange.
    """
    query = await _normalised(session, query)
    after = None
    while True:
        statement = _matching(select(*columns), query, after).limit(size)
        rows = (await session.execute(statement)).all()
        if rows:
            yield rows
        if len(rows) < size:
            return
        after = (rows[-1].created_at, rows[-1].order_no)


async def _normalised(session: AsyncSession, query: OrderQuery) -> OrderQuery:
    """Return the query with the spelling of numbers that the orders use."""
    changes = {}
    if query.order_no is not None:
        changes["order_no"] = await known_order_no(session, query.order_no)
    if query.sendid is not None and (plain := fold(query.sendid)) not in ("", query.sendid):
        known = select(exists().where(OrderRow.sendid == query.sendid, _HAS_SENDID))
        changes["sendid"] = query.sendid if await session.scalar(known) else plain
    return query.model_copy(update=changes)


def _matching(
    statement: Select[*tuple[Any, ...]], query: OrderQuery, after: tuple[datetime, str] | None
) -> Select[*tuple[Any, ...]]:
    """Return `statement` limited to the orders that match, behind the keys `after`."""
    given = query.model_dump(exclude_none=True, exclude=_NO_COLUMN)
    until, begin = _upper_keys(after, query.span.end), query.span.begin
    statement = statement.where(*query.test.conditions)
    if query.sendid is not None:
        statement = statement.where(_HAS_SENDID)
    if _is_single(query, given):
        fixed = {_INDEXED[name]: value for name, value in given.items()}
        return along(statement, fixed, _KEYS, until, () if begin is None else (begin,))
    for name, value in given.items():
        statement = statement.where(getattr(OrderRow, name) == value)
    if begin is not None:
        statement = statement.where(OrderRow.created_at >= begin)
    if until is not None:
        statement = statement.where(tuple_(*_KEYS[: len(until)]) < tuple_(*until))
    return statement.order_by(*(column.desc() for column in _KEYS))


def _is_single(query: OrderQuery, given: Mapping[str, object]) -> bool:
    """Return True for a single value, to be read along its own index.

    With days too, only for a state. Few orders have any of the other values on these days, and
    Postgres finds them better by plain conditions.
    """
    has_days = query.span != Span()
    return len(given) == 1 and given.keys() <= ({"state"} if has_days else _INDEXED.keys())


def _upper_keys(
    after: tuple[datetime, str] | None, end: datetime | None
) -> tuple[datetime, str] | tuple[datetime] | None:
    """Return the lower of two upper limits. Postgres would begin an index scan at either."""
    if end is None:
        return after
    return (end,) if after is None or after[0] >= end else after


def order_cursor(created_at: datetime, order_no: str) -> str:
    """Return the cursor for the position behind this order in a list of orders."""
    raw = ((created_at - _EPOCH) // _MICROSECOND).to_bytes(_TIME_BYTES) + order_no.encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _key_of(cursor: str) -> tuple[datetime, str]:
    try:
        raw = base64.b64decode(
            cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True
        )
        created_at = _EPOCH + int.from_bytes(raw[:_TIME_BYTES]) * _MICROSECOND
        order_no = raw[_TIME_BYTES:].decode()
    except (binascii.Error, UnicodeError, OverflowError):
        raise BadCursor from None
    if not order_no or "\0" in order_no:
        raise BadCursor
    return created_at, order_no
