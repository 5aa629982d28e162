"""Filters of lists of notices: each reads a page from the end of an index.

The cost does not depend on the number of notices.
"""

from uuid import UUID

from sqlalchemy import Select, func, literal, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.lanes import LANES
from app.db.tables.notices import NoticeRow
from app.judging.verdicts import Verdict
from app.operations.pagination import Key, Place, along, key_of

ATTENTION_VERDICTS = (Verdict.QUARANTINED, Verdict.CONFLICT)
"""Verdicts that need review."""
ATTENTION = text("notices.verdict IN ('quarantined', 'conflict') AND notices.dismissed_at IS NULL")
"""Condition of notices that need review, spelled like the condition of their index."""
_UNUSUAL = text("notices.verdict <> 'accepted'")
"""Condition of the index of verdicts."""


async def ids_of_verdict(
    session: AsyncSession, place: Place, verdict: Verdict, *, attention: bool = False
) -> list[Key]:
    """Return the newest `limit` + 1 ids of notices with `verdict`, which is not accepted.

    Raise BadCursor.
    """
    query = select(NoticeRow.id).where(ATTENTION if attention else _UNUSUAL)
    after = None if place.cursor is None else (_key(place.cursor),)
    return list(
        await session.scalars(
            along(query, {NoticeRow.verdict: verdict.value}, (NoticeRow.id,), after).limit(
                place.limit + 1
            )
        )
    )


async def ids_of_attention(session: AsyncSession, place: Place) -> list[Key]:
    """Return the newest `limit` + 1 ids of each kind of notices that need review.

    Raise BadCursor.
    """
    return [
        id_
        for verdict in ATTENTION_VERDICTS
        for id_ in await ids_of_verdict(session, place, verdict, attention=True)
    ]


async def ids_of_unjudged(session: AsyncSession, place: Place) -> list[Key]:
    """Return the newest `limit` + 1 ids of unjudged notices in each lane. Raise BadCursor."""
    lanes = func.generate_series(0, LANES - 1).table_valued("lane").render_derived()
    unjudged = select(NoticeRow.id).where(NoticeRow.verdict.is_(None))
    after = None if place.cursor is None else (_key(place.cursor),)
    latest = (
        along(unjudged, {NoticeRow.lane: lanes.c.lane}, (NoticeRow.id,), after)
        .limit(place.limit + 1)
        .lateral()
    )
    return list(await session.scalars(select(latest.c.id).select_from(lanes).join(latest, true())))


def attention_of(verdict: Verdict) -> Select[UUID]:
    """Return the query for ids of notices that need review because of `verdict`, for counting.

    The verdict is a literal: Postgres uses no partial index for a condition with a parameter once
    it has a generic plan.
    """
    return select(NoticeRow.id).where(
        NoticeRow.verdict == literal(verdict.value, literal_execute=True),
        NoticeRow.dismissed_at.is_(None),
    )


def _key(cursor: str) -> Key:
    return key_of(cursor, NoticeRow.id.type.python_type)
