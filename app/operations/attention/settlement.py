"""Settlement of reviews by operators: the review, its order, and its call together."""

from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.tables.notices import NoticeRow
from app.operations.access.audit import write_entry
from app.operations.access.idempotency import Once
from app.operations.access.permissions import Action, Actor
from app.operations.errors import NotSettlable
from app.operations.maintenance.erasure import look_again_at_review
from app.operations.notices.filters import ATTENTION
from app.operations.notices.release import release_in
from app.operations.reviews.models import ReviewInFull, ReviewSettlement
from app.operations.reviews.reviews import read_review
from app.operations.reviews.settlement import DecisionRules, end_review
from app.order_life.reviews import OF_QUARANTINE, Reason, Settlement

OF_NOTICES = (*OF_QUARANTINE, Reason.CONFLICT)
"""Reasons whose notices leave the attention list with the review."""


async def settle_review(
    sessions: Sessions,
    review_id: UUID,
    decision: ReviewSettlement,
    actor: Actor,
    rules: DecisionRules,
    once: Once | None = None,
) -> ReviewInFull:
    """Settle a review. A decision to hold or dismiss can be followed by `release`, nothing else.

    Its order is released if nothing else holds it. A quarantined or conflicting notice is dismissed
    with its review; `release` of a quarantined one releases the notice instead. Raise
    ReviewNotFound, NotSettlable, NotReleasable, NotAllowed or KeyReused.
    """
    async with sessions.begin() as session:
        if once and (earlier := await once.earlier(session, actor)):
            return ReviewInFull.model_validate_json(earlier)
        review = await read_review(session, review_id)
        await _settle(session, review, decision, actor, rules)
        await write_entry(
            session,
            actor,
            Action.REVIEW_SETTLED,
            f"review:{review_id}",
            settlement=decision.settlement.value,
            reason=review.reason.value,
            order_no=review.order_no,
        )
        await look_again_at_review(session, review.notice_id, review.order_no)
        settled = await read_review(session, review_id)
        if once:
            await once.keep(session, actor, settled.model_dump_json())
    return settled


async def _settle(
    session: AsyncSession,
    review: ReviewInFull,
    decision: ReviewSettlement,
    actor: Actor,
    rules: DecisionRules,
) -> None:
    settlement, note = decision.settlement, decision.note
    notice_id = review.notice_id if review.reason in OF_NOTICES else None
    if notice_id and review.reason in OF_QUARANTINE and settlement is Settlement.RELEASE:
        if review.settlement is Settlement.RELEASE:
            raise NotSettlable(review.settlement)
        await release_in(session, notice_id, {}, note, actor, rules)
        return
    await end_review(session, review.id, settlement, note, actor, rules)
    if notice_id:
        await _dismiss(session, notice_id, note)


async def _dismiss(session: AsyncSession, notice_id: UUID, note: str | None) -> None:
    """Dismiss a notice unless that has happened, or it is judged again."""
    await session.execute(
        update(NoticeRow)
        .where(NoticeRow.id == notice_id, ATTENTION)
        .values(dismissed_at=func.now(), dismissal=note)
    )
