"""Reading a long list page by page: an opaque cursor names the last id that was read, so that nothing is counted and nothing skipped."""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, literal, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.operations.errors import BadCursor

DEFAULT_LIMIT = 50
LIMIT = 200
_INT_BYTES = 8
_UUID_BYTES = 16

Key = UUID | int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins (behind `cursor`; None: at the beginning) and how many items it holds at most, 1 to LIMIT."""

    cursor: str | None = None
    limit: int = DEFAULT_LIMIT


def cursor_of(key: Key) -> str:
    """The cursor that names the place behind the item with this id."""
    raw = key.bytes if isinstance(key, UUID) else key.to_bytes(_INT_BYTES, signed=True)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def key_of(cursor: str, kind: type[Key]) -> Key:
    """The id that a cursor names; raises BadCursor unless it was made from an id of this kind."""
    try:
        raw = base64.b64decode(
            cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True
        )
    except (binascii.Error, UnicodeEncodeError):
        raise BadCursor from None
    if kind is UUID and len(raw) == _UUID_BYTES:
        return UUID(bytes=raw)
    if kind is int and len(raw) == _INT_BYTES:
        return int.from_bytes(raw, signed=True)
    raise BadCursor


Column = InstrumentedAttribute[Any]


def along(
    query: Select[*tuple[Any, ...]],
    fixed: Mapping[Column, object],
    keys: Sequence[Column],
    after: Sequence[object] | None,
) -> Select[*tuple[Any, ...]]:
    """The rows of `query` in which the columns `fixed` have these values, in falling order of `keys`; behind the one with the keys `after`.

    It is read along the index that begins with the columns of `fixed` and goes on with `keys`. Rows are compared, because equality would
    leave Postgres another way, an index in the order of `keys` alone, and then it reads past any number of rows that have other values.
    """
    given = [_expression(column, value) for column, value in fixed.items()]
    until = (
        tuple_(*fixed) <= tuple_(*given)
        if after is None
        else tuple_(*fixed, *keys) < tuple_(*given, *map(_expression, keys, after))
    )
    return query.where(tuple_(*fixed) >= tuple_(*given), until).order_by(
        *(column.desc() for column in (*fixed, *keys))
    )


def _expression(column: Column, value: object) -> ColumnElement[Any] | Column:
    return (
        value
        if isinstance(value, ColumnElement | InstrumentedAttribute)
        else literal(value, column.type)
    )


def page_of(ids: Iterable[Key], place: Place) -> tuple[list[Key], str | None, bool]:
    """The latest of these ids that make a page, the cursor behind them, and whether there are more."""
    falling = sorted(ids, reverse=True)
    page = falling[: place.limit]
    return page, cursor_of(page[-1]) if page else place.cursor, len(falling) > place.limit


async def read_page(
    session: AsyncSession,
    query: Select[*tuple[Any, ...]],
    column: Column,
    place: Place,
    *,
    newest_first: bool,
    fixed: Mapping[Column, object] | None = None,
) -> tuple[list[Any], str | None, bool]:
    """The rows of one page of `query`, ordered by `column` (a unique id); the cursor behind them; whether there are more.

    `fixed` is for lists with the newest first: columns that have these values, and an index that begins with them (see `along`).
    """
    key = None if place.cursor is None else key_of(place.cursor, column.type.python_type)
    if fixed:
        query = along(query, fixed, (column,), None if key is None else (key,))
    else:
        query = query.order_by(column.desc() if newest_first else column)
        if key is not None:
            query = query.where(column < key if newest_first else column > key)
    rows = list((await session.execute(query.limit(place.limit + 1))).all())
    page = rows[: place.limit]
    cursor = cursor_of(getattr(page[-1][0], column.key)) if page else place.cursor
    return page, cursor, len(rows) > place.limit
