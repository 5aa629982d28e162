"""Ends of reviews, within a transaction of the caller."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.tables.reviews import ReviewRow
from app.judging import decisions
from app.judging.policy import Policy, policy_of
from app.mailbox.healing import HealingRules
from app.operations.access.permissions import Actor
from app.operations.errors import NotSettlable, ReviewNotFound
from app.order_life.reviews import Reason, Settlement
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class DecisionRules:
    """Settings that decisions follow: the policy of judging, the delay of first deliveries, and the
    path of the notification endpoint.
    """

    policy: Policy = field(default_factory=Policy)
    first_wait: timedelta = timedelta(0)
    notify_path: str = "/zeus/notify"

    @property
    def healing(self) -> HealingRules:
        """Return the rules of notices that are made of mails."""
        return HealingRules(self.policy, self.notify_path, self.first_wait)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the rules of the settings, equal to those of the workers."""
        return cls(policy_of(settings), settings.retry_schedule[0], settings.notify_path)


async def end_review(
    session: AsyncSession,
    review_id: UUID,
    settlement: Settlement,
    note: str | None,
    actor: Actor,
    rules: DecisionRules,
) -> None:
    """Settle a review and make its events. Wait while its order is judged. Never commit.

    Locks are taken in this order: lane, review, notice. Raise ReviewNotFound or NotSettlable.
    """
    try:
        await decisions.settle(
            session,
            review_id,
            settlement,
            note,
            actor.name,
            policy=rules.policy,
            first_wait=rules.first_wait,
        )
    except decisions.ReviewUnknown:
        raise ReviewNotFound from None
    except decisions.AlreadySettled as ended:
        raise NotSettlable(str(ended)) from None


async def latest_review(
    session: AsyncSession, notice_id: UUID, reasons: Collection[Reason]
) -> ReviewRow | None:
    """Return the newest review of this notice with one of these reasons."""
    names = [reason.value for reason in reasons]
    return await session.scalar(
        select(ReviewRow)
        .where(ReviewRow.notice_id == notice_id, ReviewRow.reason.in_(names))
        .order_by(ReviewRow.id.desc())
        .limit(1)
    )
