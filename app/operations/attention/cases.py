"""Cases: a review with its order and its calls, and the list of what needs an operator."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.db.tables.notices import NoticeRow
from app.db.tables.orders import OrderRow
from app.operations.attention.attention import Attention, attention_now
from app.operations.notices.notices import Notice, faults_of_row, notice_of
from app.operations.orders.history import Order, fields_of
from app.operations.orders.release import OrderRelease, release_of
from app.operations.pagination import Place
from app.operations.reviews.filters import ReviewFilter
from app.operations.reviews.models import ReviewInFull, ReviewPage
from app.operations.reviews.reviews import holding_reviews, read_review, read_reviews
from app.operations.typed_input import known_order_no


@dataclass(frozen=True, slots=True)
class ReviewCase:
    """A review with its order, if that is known, and the notices that it names.

    `to_correct` are the faults of a quarantined notice that a release must correct.
    """

    review: ReviewInFull
    order: Order | None
    release: OrderRelease
    notices: Mapping[UUID, Notice]
    to_correct: tuple[str, ...]


async def show_case(sessions: Sessions, review_id: UUID) -> ReviewCase:
    """Return a review with what it is about. Raise ReviewNotFound."""
    async with snapshot(sessions) as session:
        review = await read_review(session, review_id)
        order_no = review.order_no
        row = await session.get(OrderRow, order_no) if order_no else None
        held_by = await holding_reviews(session, order_no) if order_no else ()
        notices = await _notices(session, review)
    mine = notices.get(review.notice_id) if review.notice_id else None
    return ReviewCase(
        review,
        Order(**fields_of(row)) if row else None,
        release_of(row, held_by),
        {notice_id: notice_of(notice) for notice_id, notice in notices.items()},
        faults_of_row(mine) if mine else (),
    )


async def list_cases(
    sessions: Sessions, place: Place, wanted: ReviewFilter
) -> tuple[ReviewPage, Attention]:
    """Return a page of reviews and everything else that needs an operator. Raise BadCursor."""
    async with snapshot(sessions) as session:
        if wanted.order_no is not None:
            order_no = await known_order_no(session, wanted.order_no)
            wanted = ReviewFilter(wanted.reason, wanted.open, order_no)
        return await read_reviews(session, place, wanted), await attention_now(session)


async def _notices(session: AsyncSession, review: ReviewInFull) -> dict[UUID, NoticeRow]:
    """Return the notices that a review names."""
    values = review.details.get("values", {}).values()
    named = [value["notice_id"] for value in values if "notice_id" in value]
    ids = {UUID(str(name)) for name in (*named, review.notice_id) if name}
    rows = await session.scalars(select(NoticeRow).where(NoticeRow.id.in_(ids)))
    return {row.id: row for row in rows}
