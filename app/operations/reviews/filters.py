"""Filters of the list of reviews: each reads a page from the end of an index.

The cost does not depend on the number of reviews.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, Text, TextClause, cast, func, literal, select, text, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.db.tables.reviews import ReviewRow
from app.operations.pagination import Key, Place, along, key_of
from app.order_life.reviews import HOLDING, Reason

OPEN = text("reviews.settled_at IS NULL")
"""Condition of open reviews, spelled like the condition of their index."""
_SETTLED = text("reviews.settled_at IS NOT NULL")


@dataclass(frozen=True, slots=True)
class ReviewFilter:
    """Wanted reviews. None matches every review; `open` False matches settled ones."""

    reason: Reason | None = None
    open: bool | None = None
    order_no: str | None = None

    @property
    def conditions(self) -> list[TextClause]:
        """Return the condition on the settlement."""
        return [] if self.open is None else [OPEN if self.open else _SETTLED]


async def ids_of_reviews(session: AsyncSession, place: Place, wanted: ReviewFilter) -> list[Key]:
    """Return at least the newest `limit` + 1 ids of the wanted reviews. Raise BadCursor."""
    after = None if place.cursor is None else key_of(place.cursor, UUID)
    ids: list[Key] = []
    for query in _queries(wanted, after, place.limit + 1):
        ids += await session.scalars(query)
    return ids


def held_by(order_no: str | InstrumentedAttribute[str]) -> Select[UUID]:
    """Return the query for the ids of the open reviews that hold this order's goods."""
    reasons = [reason.value for reason in sorted(HOLDING)]
    return (
        select(ReviewRow.id)
        .where(ReviewRow.order_no == order_no, ReviewRow.reason.in_(reasons), OPEN)
        .order_by(ReviewRow.id)
    )


def _queries(wanted: ReviewFilter, after: Key | None, limit: int) -> Iterator[Select[UUID]]:
    """Yield the queries whose results together are the wanted ids."""
    behind = None if after is None else (after,)
    query = select(ReviewRow.id).where(*wanted.conditions).limit(limit)
    if wanted.order_no is not None:
        if wanted.reason is not None:
            query = query.where(ReviewRow.reason == wanted.reason.value)
        for column in (ReviewRow.order_no, ReviewRow.related_order_no):
            yield along(query, {column: wanted.order_no}, (ReviewRow.id,), behind)
    elif wanted.reason is not None:
        yield along(query, {ReviewRow.reason: wanted.reason.value}, (ReviewRow.id,), behind)
    elif wanted.open:
        yield _open_of_each_reason(behind, limit)
    else:
        query = query if after is None else query.where(ReviewRow.id < after)
        yield query.order_by(ReviewRow.id.desc())


def _open_of_each_reason(behind: tuple[Key] | None, limit: int) -> Select[UUID]:
    names = cast(literal([reason.value for reason in Reason], ARRAY(Text)), ARRAY(Text))
    reasons = func.unnest(names).table_valued("reason").render_derived()
    newest = (
        along(
            select(ReviewRow.id).where(OPEN),
            {ReviewRow.reason: reasons.c.reason},
            (ReviewRow.id,),
            behind,
        )
        .limit(limit)
        .lateral()
    )
    return select(newest.c.id).select_from(reasons).join(newest, true())
