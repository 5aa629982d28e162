"""Reading a long list page by page: an opaque cursor names the last id that was read, so that nothing is counted and nothing skipped."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.operating.refusals import BadCursor

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
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise BadCursor from None
    if kind is UUID and len(raw) == _UUID_BYTES:
        return UUID(bytes=raw)
    if kind is int and len(raw) == _INT_BYTES:
        return int.from_bytes(raw, signed=True)
    raise BadCursor


async def read_page(
    session: AsyncSession, query: Select[*tuple[Any, ...]], column: InstrumentedAttribute[Any], place: Place, *, newest_first: bool
) -> tuple[list[Any], str | None, bool]:
    """The rows of one page of `query`, ordered by `column` (a unique id); the cursor behind them; whether there are more."""
    if place.cursor is not None:
        key = key_of(place.cursor, column.type.python_type)
        query = query.where(column < key if newest_first else column > key)
    query = query.order_by(column.desc() if newest_first else column).limit(place.limit + 1)
    rows = list((await session.execute(query)).all())
    page = rows[: place.limit]
    cursor = cursor_of(getattr(page[-1][0], column.key)) if page else place.cursor
    return page, cursor, len(rows) > place.limit
