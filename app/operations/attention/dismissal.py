"""Dismissal of items that need review: notices, rejected samples and dead webhooks."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field
from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.tables.notices import NoticeRow, RejectedSampleRow
from app.db.tables.webhooks import OutboundWebhookRow
from app.operations.access.audit import write_entry
from app.operations.access.permissions import Action, Actor
from app.operations.attention.settlement import OF_NOTICES
from app.operations.deliveries.models import OutboundWebhookInFull, WebhookState
from app.operations.deliveries.webhooks import show_outbound
from app.operations.errors import (
    NotDismissible,
    NoticeNotFound,
    NotSettlable,
    SampleNotFound,
    WebhookNotFound,
)
from app.operations.maintenance.erasure import look_again
from app.operations.models import Line, Value
from app.operations.notices.filters import ATTENTION_VERDICTS
from app.operations.notices.notices import Notice, notice_of
from app.operations.notices.rejected import RejectedSample, sample_of
from app.operations.reviews.settlement import DecisionRules, end_review, latest_review
from app.order_life.reviews import Settlement

_ALREADY = "dismissed already"
_USUAL = DecisionRules()


class Dismissal(Value):
    """Reason why an item needs no review any more."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[
        Line, Field(min_length=1, max_length=500, examples=["a test call of the sales desk"])
    ]
    """Text for colleagues, kept with the item."""


async def dismiss_notice(
    sessions: Sessions,
    notice_id: UUID,
    dismissal: Dismissal,
    actor: Actor,
    rules: DecisionRules = _USUAL,
) -> Notice:
    """Remove a quarantined or conflicting notice from the attention list. Its verdict stays.

    Its review ends with `dismiss`. Raise NoticeNotFound, NotDismissible or NotAllowed.
    """
    async with sessions.begin() as session:
        review = await latest_review(session, notice_id, OF_NOTICES)
        if review is not None and review.settled_at is None:
            await _end(session, review.id, dismissal, actor, rules)
        row = await session.get(NoticeRow, notice_id, with_for_update=True)
        if row is None:
            raise NoticeNotFound
        if row.verdict not in ATTENTION_VERDICTS or row.dismissed_at is not None:
            raise NotDismissible(
                _ALREADY if row.dismissed_at else f"verdict:{row.verdict or 'unjudged'}"
            )
        await session.execute(
            update(NoticeRow).where(NoticeRow.id == notice_id).values(_dismissed(dismissal))
        )
        await look_again(session, notice_id)
        await write_entry(session, actor, Action.NOTICE_DISMISSED, f"notice:{notice_id}")
        await session.refresh(row)
    return notice_of(row)


async def dismiss_webhook(
    sessions: Sessions, webhook_id: int, dismissal: Dismissal, actor: Actor
) -> OutboundWebhookInFull:
    """Remove a dead webhook from the attention list. It can still be retried.

    Raise WebhookNotFound, NotDismissible or NotAllowed.
    """
    async with sessions.begin() as session:
        row = await session.get(OutboundWebhookRow, webhook_id, with_for_update=True)
        if row is None:
            raise WebhookNotFound
        if row.state != WebhookState.DEAD or row.dismissed_at is not None:
            raise NotDismissible(_ALREADY if row.dismissed_at else row.state)
        await session.execute(
            update(OutboundWebhookRow)
            .where(OutboundWebhookRow.id == webhook_id)
            .values(_dismissed(dismissal))
        )
        await write_entry(session, actor, Action.WEBHOOK_DISMISSED, f"webhook:{webhook_id}")
    return await show_outbound(sessions, webhook_id)


async def dismiss_sample(
    sessions: Sessions, sample_id: UUID, dismissal: Dismissal, actor: Actor
) -> RejectedSample:
    """Remove a rejected sample from the attention list.

    Raise SampleNotFound, NotDismissible or NotAllowed.
    """
    async with sessions.begin() as session:
        row = await session.get(RejectedSampleRow, sample_id, with_for_update=True)
        if row is None:
            raise SampleNotFound
        if row.dismissed_at is not None:
            raise NotDismissible(_ALREADY)
        await session.execute(
            update(RejectedSampleRow)
            .where(RejectedSampleRow.id == sample_id)
            .values(_dismissed(dismissal))
        )
        await write_entry(session, actor, Action.SAMPLE_DISMISSED, f"sample:{sample_id}")
        await session.refresh(row)
    return sample_of(row)


async def _end(
    session: AsyncSession,
    review_id: UUID,
    dismissal: Dismissal,
    actor: Actor,
    rules: DecisionRules,
) -> None:
    try:
        await end_review(session, review_id, Settlement.DISMISS, dismissal.reason, actor, rules)
    except NotSettlable:  # by another operator, a moment ago
        raise NotDismissible(_ALREADY) from None


def _dismissed(dismissal: Dismissal) -> dict[str, object]:
    return {"dismissed_at": func.now(), "dismissal": dismissal.reason}
