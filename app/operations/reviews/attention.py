"""What needs a human: notices in quarantine or in conflict, rejected samples, webhooks that were given up, paused subscribers."""

from sqlalchemy import TextClause, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.db.tables.notices import RejectedSampleRow
from app.db.tables.subscribers import SubscriberRow
from app.db.tables.webhooks import OutboundWebhookRow
from app.judging.rules import Verdict
from app.operations.deliveries import webhooks
from app.operations.deliveries.webhooks import (
    COUNT_LIMIT,
    OutboundWebhook,
    WebhookState,
    read_outbound,
)
from app.operations.models import Value
from app.operations.notices.filters import attention_of
from app.operations.notices.notices import Notice, VerdictFilter, read_notices
from app.operations.notices.rejected import RejectedSample, read_samples
from app.operations.pagination import Place
from app.operations.subscribers.models import Subscriber, SubscriberState
from app.operations.subscribers.subscribers import read_subscribers

SHOWN = 50
"""How many of each kind are shown; their own lists have the rest."""


class AttentionCounts(Value):
    """How much needs a human, each counted up to 10,000."""

    quarantined: int
    conflicts: int
    rejected_samples: int
    dead_webhooks: int
    paused_subscribers: int


class Attention(Value):
    """What needs a human, the latest 50 of each kind; what was dismissed is left out."""

    counts: AttentionCounts
    quarantined: list[Notice]
    conflicts: list[Notice]
    rejected_samples: list[RejectedSample]
    dead_webhooks: list[OutboundWebhook]
    paused_subscribers: list[Subscriber]


async def read_attention(sessions: Sessions) -> Attention:
    """Everything that needs a human now."""
    place = Place(limit=SHOWN)
    async with snapshot(sessions) as session:
        subscribers = (await read_subscribers(session)).items
        return Attention(
            counts=await count_attention(session),
            quarantined=(
                await read_notices(
                    session, place, verdict=VerdictFilter.QUARANTINED, attention=True
                )
            ).items,
            conflicts=(
                await read_notices(session, place, verdict=VerdictFilter.CONFLICT, attention=True)
            ).items,
            rejected_samples=(await read_samples(session, place, attention=True)).items,
            dead_webhooks=(
                await read_outbound(session, place, states=(WebhookState.DEAD,), attention=True)
            ).items,
            paused_subscribers=[one for one in subscribers if one.state is SubscriberState.PAUSED][
                :SHOWN
            ],
        )


async def count_attention(session: AsyncSession) -> AttentionCounts:
    """How much needs a human now."""
    return AttentionCounts(
        quarantined=await _count_notices(session, Verdict.QUARANTINED),
        conflicts=await _count_notices(session, Verdict.CONFLICT),
        rejected_samples=await _count(session, RejectedSampleRow, text("dismissed_at IS NULL")),
        dead_webhooks=await _count(session, OutboundWebhookRow, webhooks.ATTENTION),
        paused_subscribers=await _count(session, SubscriberRow, text("state = 'paused'")),
    )


async def _count_notices(session: AsyncSession, verdict: Verdict) -> int:
    some = attention_of(verdict).limit(COUNT_LIMIT)
    return await session.scalar(select(func.count()).select_from(some.subquery())) or 0


async def _count(
    session: AsyncSession,
    table: type[RejectedSampleRow | OutboundWebhookRow | SubscriberRow],
    condition: TextClause,
) -> int:
    some = select(table.id).where(condition).limit(COUNT_LIMIT)
    return await session.scalar(select(func.count()).select_from(some.subquery())) or 0
