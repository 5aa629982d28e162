"""Cursor pagination: an opaque cursor names the last id that was read.

No rows are counted, and no page skips or repeats an item.
"""

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
    """Start of a page (behind `cursor`; None: at the beginning) and its size, 1 to LIMIT items."""

    cursor: str | None = None
    limit: int = DEFAULT_LIMIT


def cursor_of(key: Key) -> str:
    """Return the cursor for the position behind the item with this id."""
    raw = key.bytes if isinstance(key, UUID) else key.to_bytes(_INT_BYTES, signed=True)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def key_of(cursor: str, kind: type[Key]) -> Key:
    """Return the id in a cursor. Raise BadCursor if it is not from an id of this kind."""
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
    since: Sequence[object] = (),
) -> Select[*tuple[Any, ...]]:
    """Return `query` limited to rows with the values `fixed`, ordered by `keys` descending.

    With `after`, only rows behind these keys; with `since`, only rows from these keys on. Both may
    name only the first of `keys`. Postgres reads the index on the columns of `fixed` followed by
    `keys`. The conditions compare whole rows: with plain equality, Postgres may choose an index on
    `keys` alone and scan many rows that have other values.
    """
    given = [_expression(column, value) for column, value in fixed.items()]

    def row(values: Sequence[object]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        among = keys[: len(values)]
        return tuple_(*fixed, *among), tuple_(*given, *map(_expression, among, values))

    columns, lowest = row(since)
    until = tuple_(*fixed) <= tuple_(*given)
    if after is not None:
        behind, highest = row(after)
        until = behind < highest
    return query.where(columns >= lowest, until).order_by(
        *(column.desc() for column in (*fixed, *keys))
    )


def _expression(column: Column, value: object) -> ColumnElement[Any] | Column:
    return (
        value
        if isinstance(value, ColumnElement | InstrumentedAttribute)
        else literal(value, column.type)
    )


def page_of(ids: Iterable[Key], place: Place) -> tuple[list[Key], str | None, bool]:
    """Return a page of the newest ids, the cursor behind it, and True if there are more."""
    descending = sorted(ids, reverse=True)
    page = descending[: place.limit]
    return page, cursor_of(page[-1]) if page else place.cursor, len(descending) > place.limit


async def read_page(
    session: AsyncSession,
    query: Select[*tuple[Any, ...]],
    column: Column,
    place: Place,
    *,
    newest_first: bool,
    fixed: Mapping[Column, object] | None = None,
) -> tuple[list[Any], str | None, bool]:
    """Return the rows of one page, the cursor behind them, and True if there are more.

    `query` is ordered by `column`, a unique id. `fixed` is for lists with the newest first: values
    of columns with which an index begins (see `along`). Raise BadCursor.
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
