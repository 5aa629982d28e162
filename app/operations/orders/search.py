"""Finding orders by what a customer or a colleague knows of them: a number, the end of a telephone number, an amount, a day."""

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
"""A day that has an end in Python's and in Postgres's calendar, in any time zone."""
Tail = Annotated[str, BeforeValidator(fold_tail), Field(pattern="^[0-9]{4}$")]
"""The last four digits of a telephone number."""
Money = Annotated[int, BeforeValidator(fold_money), Field(ge=0, le=2**63 - 1)]
"""An amount in yen."""

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
"""The condition of the index, which holds only orders that have one, and one that may be looked for."""


class OrderQuery(Value):
    """What is known of the orders that are looked for; what is left out does not matter."""

    model_config = ConfigDict(extra="forbid")

    order_no: Annotated[Line | None, Field(max_length=255, examples=["1234-56789-01234"])] = None
    """Zeus's order number (オーダー番号), whole."""
    sendid: Annotated[Line | None, Field(min_length=1, max_length=255, examples=["A-1001"])] = None
    """The merchant's own number (sendid), whole."""
    telno_tail: Annotated[Tail | None, Field(examples=["5678"])] = None
    """The last four digits of the customer's telephone number."""
    money: Annotated[Money | None, Field(examples=[5400])] = None
    """The amount in yen."""
    date: Annotated[Day | None, Field(examples=["2026-11-23"])] = None
    """The day in Japan on which the first call of the order was judged."""


class FoundOrder(Order):
    """An order that was found."""

    order_no: Annotated[str, Field(examples=["1234-56789-01234"])]


class FoundOrderPage(Page[FoundOrder]):
    """Orders, the latest first."""


async def search_orders(sessions: Sessions, place: Place, query: OrderQuery) -> FoundOrderPage:
    """The orders to which all of `query` applies, the latest first. Raises BadCursor.

    Numbers are looked for as they were typed, and in their plain spelling only where no order has them like that.
    """
    after = None if place.cursor is None else _key_of(place.cursor)
    async with snapshot(sessions) as session:
        rows = list(
            await session.scalars(
                _statement(await _meant(session, query), after).limit(place.limit + 1)
            )
        )
    page = rows[: place.limit]
    cursor = order_cursor(page[-1].created_at, page[-1].order_no) if page else place.cursor
    items = [FoundOrder(order_no=row.order_no, **fields_of(row)) for row in page]
    return FoundOrderPage(items=items, next_cursor=cursor, has_more=len(rows) > place.limit)


async def _meant(session: AsyncSession, query: OrderQuery) -> OrderQuery:
    """Return the query with the numbers that are meant by what was typed."""
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
    """The search by one thing that has an index of its own; None if it is not by one such thing alone."""
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
    """The cursor that names the place behind this order in a list of orders."""
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
