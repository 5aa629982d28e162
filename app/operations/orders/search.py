"""Order search by order number, sendid, last digits of the telephone number, amount and day."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field
from sqlalchemy import Select, exists, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.db.tables.orders import OrderRow
from app.operations.errors import BadCursor
from app.operations.models import Line, Page, Value
from app.operations.orders.history import Order, fields_of
from app.operations.pagination import Column, Place, along
from app.operations.typed_input import fold, fold_date, fold_money, fold_tail, known_order_no

Day = Annotated[date, BeforeValidator(fold_date), Field(ge=date(2000, 1, 1), le=date(2999, 12, 31))]
"""Day whose start and end exist in Python's and Postgres's calendars, in any time zone."""
Tail = Annotated[str, BeforeValidator(fold_tail), Field(pattern="^[0-9]{4}$")]
"""Last four digits of a telephone number."""
Money = Annotated[int, BeforeValidator(fold_money), Field(ge=0, le=2**63 - 1)]
"""Amount in yen."""

_JAPAN = timezone(timedelta(hours=9))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TIME_BYTES = 8
_KEYS = (OrderRow.created_at, OrderRow.order_no)
_INDEXED: Mapping[str, Column] = {
    "sendid": OrderRow.sendid,
    "telno_tail": OrderRow.telno_tail,
    "money": OrderRow.money,
}
_HAS_SENDID = text("orders.sendid <> '' AND length(orders.sendid) <= 255")
"""Condition of the index, which holds only orders with a sendid of searchable length."""


class OrderQuery(Value):
    """Search values. A missing value matches every order."""

    model_config = ConfigDict(extra="forbid")

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


class FoundOrder(Order):
    """Order that matches a search."""

    order_no: Annotated[str, Field(examples=["1234-56789-01234"])]


class FoundOrderPage(Page[FoundOrder]):
    """Orders, the newest first."""


async def search_orders(sessions: Sessions, place: Place, query: OrderQuery) -> FoundOrderPage:
    """Return the orders that match every value of `query`, the newest first. Raise BadCursor.

    Numbers are looked up as they were typed, and in their plain spelling only if that finds none.
    """
    after = None if place.cursor is None else _key_of(place.cursor)
    async with snapshot(sessions) as session:
        rows = list(
            await session.scalars(
                _statement(await _normalised(session, query), after).limit(place.limit + 1)
            )
        )
    page = rows[: place.limit]
    cursor = order_cursor(page[-1].created_at, page[-1].order_no) if page else place.cursor
    items = [FoundOrder(order_no=row.order_no, **fields_of(row)) for row in page]
    return FoundOrderPage(items=items, next_cursor=cursor, has_more=len(rows) > place.limit)


async def _normalised(session: AsyncSession, query: OrderQuery) -> OrderQuery:
    """Return the query with the spelling of numbers that the orders use."""
    changes = {}
    if query.order_no is not None:
        changes["order_no"] = await known_order_no(session, query.order_no)
    if query.sendid is not None and (plain := fold(query.sendid)) not in ("", query.sendid):
        known = select(exists().where(OrderRow.sendid == query.sendid, _HAS_SENDID))
        changes["sendid"] = query.sendid if await session.scalar(known) else plain
    return query.model_copy(update=changes)


def _statement(query: OrderQuery, after: tuple[datetime, str] | None) -> Select[OrderRow]:
    statement = _single(query, after)
    if statement is None:
        statement = _filtered(select(OrderRow), query).order_by(
            *(column.desc() for column in _KEYS)
        )
        if after is not None:
            statement = statement.where(tuple_(*_KEYS) < after)
    return statement


def _single(query: OrderQuery, after: tuple[datetime, str] | None) -> Select[OrderRow] | None:
    """Return the search by a single value that has an own index, or None for any other search."""
    given = query.model_dump(exclude_none=True)
    if len(given) != 1 or not given.keys() <= _INDEXED.keys():
        return None
    statement = select(OrderRow) if query.sendid is None else select(OrderRow).where(_HAS_SENDID)
    return along(statement, {_INDEXED[name]: value for name, value in given.items()}, _KEYS, after)


def _filtered(statement: Select[OrderRow], query: OrderQuery) -> Select[OrderRow]:
    if query.order_no is not None:
        statement = statement.where(OrderRow.order_no == query.order_no)
    if query.sendid is not None:
        statement = statement.where(OrderRow.sendid == query.sendid, _HAS_SENDID)
    if query.telno_tail is not None:
        statement = statement.where(OrderRow.telno_tail == query.telno_tail)
    if query.money is not None:
        statement = statement.where(OrderRow.money == query.money)
    if query.date is not None:
        begin = datetime.combine(query.date, time(), _JAPAN)
        statement = statement.where(
            OrderRow.created_at >= begin, OrderRow.created_at < begin + timedelta(days=1)
        )
    return statement


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
