"""List of reviews, one review with its notes, and new notes."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import uuid7
from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.db.tables.reviews import ReviewNoteRow, ReviewRow
from app.operations.access.audit import write_entry
from app.operations.access.idempotency import Once
from app.operations.access.permissions import Action, Actor
from app.operations.errors import ReviewNotFound
from app.operations.maintenance.erasure import look_again_at_review
from app.operations.pagination import Place, page_of
from app.operations.reviews import filters
from app.operations.reviews.models import (
    NewReviewNote,
    ReviewInFull,
    ReviewPage,
    review_in_full,
    review_of,
)
from app.operations.typed_input import known_order_no
from app.order_life.reviews import Reason


async def list_reviews(
    sessions: Sessions,
    place: Place,
    *,
    reason: Reason | None = None,
    is_open: bool | None = None,
    order_no: str | None = None,
) -> ReviewPage:
    """Return the reviews that match every given value, the newest first. Raise BadCursor.

    `is_open` False returns settled ones. An order has the reviews of both orders of its pairs.
    """
    async with snapshot(sessions) as session:
        if order_no is not None:
            order_no = await known_order_no(session, order_no)
        wanted = filters.ReviewFilter(reason, is_open, order_no)
        return await read_reviews(session, place, wanted)


async def read_reviews(
    session: AsyncSession, place: Place, wanted: filters.ReviewFilter
) -> ReviewPage:
    """Return the page of `list_reviews` as part of a larger answer. Raise BadCursor."""
    ids = await filters.ids_of_reviews(session, place, wanted)
    page, cursor, has_more = page_of(ids, place)
    rows = await session.scalars(
        select(ReviewRow).where(ReviewRow.id.in_(page)).order_by(ReviewRow.id.desc())
    )
    return ReviewPage(items=[review_of(row) for row in rows], next_cursor=cursor, has_more=has_more)


async def show_review(sessions: Sessions, review_id: UUID) -> ReviewInFull:
    """Return one review with its notes. Raise ReviewNotFound."""
    async with snapshot(sessions) as session:
        return await read_review(session, review_id)


async def read_review(session: AsyncSession, review_id: UUID) -> ReviewInFull:
    """Return one review as it is now. Raise ReviewNotFound."""
    row = await session.get(ReviewRow, review_id, populate_existing=True)
    if row is None:
        raise ReviewNotFound
    notes = await session.scalars(
        select(ReviewNoteRow).where(ReviewNoteRow.review_id == review_id).order_by(ReviewNoteRow.id)
    )
    return review_in_full(row, list(notes))


async def add_note(
    sessions: Sessions,
    review_id: UUID,
    note: NewReviewNote,
    actor: Actor,
    once: Once | None = None,
) -> ReviewInFull:
    """Add a note to a review, open or settled. Raise ReviewNotFound, NotAllowed or KeyReused."""
    async with sessions.begin() as session:
        if once and (earlier := await once.earlier(session, actor)):
            return ReviewInFull.model_validate_json(earlier)
        row = await session.get(ReviewRow, review_id)
        if row is None:
            raise ReviewNotFound
        await look_again_at_review(session, row.notice_id, row.order_no)
        session.add(
            ReviewNoteRow(id=uuid7(), review_id=review_id, written_by=actor.name, text=note.text)
        )
        await write_entry(session, actor, Action.REVIEW_NOTED, f"review:{review_id}")
        review = await read_review(session, review_id)
        if once:
            await once.keep(session, actor, review.model_dump_json())
    return review


async def holding_reviews(session: AsyncSession, order_no: str) -> Sequence[UUID]:
    """Return the ids of the open reviews that hold this order's goods, the oldest first."""
    return (await session.scalars(filters.held_by(order_no))).all()


async def count_open(session: AsyncSession, limit: int) -> int:
    """Return the number of open reviews, counted up to `limit`."""
    counted = select(ReviewRow.id).where(filters.OPEN).limit(limit)
    return await session.scalar(select(func.count()).select_from(counted.subquery())) or 0
