"""Which notices stand on a page of a list: each question is answered from the end of an index, however many notices there are."""

from uuid import UUID

from sqlalchemy import Select, func, literal, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.lanes import LANES
from app.db.tables.notices import NoticeRow
from app.judging.rules import Verdict
from app.operations.pagination import Key, Place, along, key_of

ATTENTION_VERDICTS = (Verdict.QUARANTINED, Verdict.CONFLICT)
"""The verdicts that a human should look at."""
ATTENTION = text("notices.verdict IN ('quarantined', 'conflict') AND notices.dismissed_at IS NULL")
"""Which notices a human should look at, in the words of the index that holds them."""
_UNUSUAL = text("notices.verdict <> 'accepted'")
"""The condition of the index of verdicts."""


async def ids_of_verdict(
    session: AsyncSession, place: Place, verdict: Verdict, *, attention: bool = False
) -> list[Key]:
    """The latest ids of a page and one more, of notices with a verdict other than accepted. Raises BadCursor."""
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
    """The latest ids of notices that a human should look at, enough of each kind for a page and one more. Raises BadCursor."""
    return [
        id_
        for verdict in ATTENTION_VERDICTS
        for id_ in await ids_of_verdict(session, place, verdict, attention=True)
    ]


async def ids_of_unjudged(session: AsyncSession, place: Place) -> list[Key]:
    """The latest ids of notices that nobody has judged yet, enough of each lane for a page and one more. Raises BadCursor."""
    lanes = func.generate_series(0, LANES - 1).table_valued("lane").render_derived()
    waiting = select(NoticeRow.id).where(NoticeRow.verdict.is_(None))
    after = None if place.cursor is None else (_key(place.cursor),)
    latest = (
        along(waiting, {NoticeRow.lane: lanes.c.lane}, (NoticeRow.id,), after)
        .limit(place.limit + 1)
        .lateral()
    )
    return list(await session.scalars(select(latest.c.id).select_from(lanes).join(latest, true())))


def attention_of(verdict: Verdict) -> Select[UUID]:
    """The ids of notices with this verdict, quarantined or conflict, that a human should look at, for counting.

    The verdict as a literal, because Postgres matches a condition with a parameter in it to no partial index once it plans for any value.
    """
    return select(NoticeRow.id).where(
        NoticeRow.verdict == literal(verdict.value, literal_execute=True),
        NoticeRow.dismissed_at.is_(None),
    )


def _key(cursor: str) -> Key:
    return key_of(cursor, NoticeRow.id.type.python_type)
