"""Open reviews: quarantined and conflicting notices, rejected samples, dead webhooks, pauses."""

from sqlalchemy import TextClause, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.db.tables.notices import RejectedSampleRow
from app.db.tables.subscribers import SubscriberRow
from app.db.tables.webhooks import OutboundWebhookRow
from app.judging.verdicts import Verdict
from app.operations.deliveries import filters as webhook_filters
from app.operations.deliveries.filters import COUNT_LIMIT
from app.operations.deliveries.models import OutboundWebhook, WebhookState
from app.operations.deliveries.webhooks import read_outbound
from app.operations.models import Value
from app.operations.notices.filters import attention_of
from app.operations.notices.notices import Notice, VerdictFilter, read_notices
from app.operations.notices.rejected import RejectedSample, read_samples
from app.operations.pagination import Place
from app.operations.reviews.reviews import count_open
from app.operations.subscribers.models import Subscriber, SubscriberState
from app.operations.subscribers.subscribers import read_subscribers

SHOWN = 50
"""Items shown of each kind. The list of the kind has the rest."""


class AttentionCounts(Value):
    """Numbers of items that need review, each counted up to 10,000."""

    reviews: int
    """Open reviews, those of quarantined and conflicting calls included."""
    quarantined: int
    conflicts: int
    rejected_samples: int
    dead_webhooks: int
    paused_subscribers: int


class Attention(Value):
    """Items that need review, the newest 50 of each kind, without dismissed ones."""

    counts: AttentionCounts
    quarantined: list[Notice]
    conflicts: list[Notice]
    rejected_samples: list[RejectedSample]
    dead_webhooks: list[OutboundWebhook]
    paused_subscribers: list[Subscriber]


async def read_attention(sessions: Sessions) -> Attention:
    """Return the items that need review now."""
    async with snapshot(sessions) as session:
        return await attention_now(session)


async def attention_now(session: AsyncSession) -> Attention:
    """Return the items that need review, as part of a larger answer."""
    place = Place(limit=SHOWN)
    subscribers = (await read_subscribers(session)).items
    return Attention(
        counts=await count_attention(session),
        quarantined=(
            await read_notices(session, place, verdict=VerdictFilter.QUARANTINED, attention=True)
        ).items,
        conflicts=(
            await read_notices(session, place, verdict=VerdictFilter.CONFLICT, attention=True)
        ).items,
        rejected_samples=(await read_samples(session, place, attention=True)).items,
        dead_webhooks=(
            await read_outbound(session, place, states=(WebhookState.DEAD,), attention=True)
        ).items,
        paused_subscribers=[
            subscriber for subscriber in subscribers if subscriber.state is SubscriberState.PAUSED
        ][:SHOWN],
    )


async def count_attention(session: AsyncSession) -> AttentionCounts:
    """Return the numbers of items that need review now."""
    return AttentionCounts(
        reviews=await count_open(session, COUNT_LIMIT),
        quarantined=await _count_notices(session, Verdict.QUARANTINED),
        conflicts=await _count_notices(session, Verdict.CONFLICT),
        rejected_samples=await _count(session, RejectedSampleRow, text("dismissed_at IS NULL")),
        dead_webhooks=await _count(session, OutboundWebhookRow, webhook_filters.ATTENTION),
        paused_subscribers=await _count(session, SubscriberRow, text("state = 'paused'")),
    )


async def _count_notices(session: AsyncSession, verdict: Verdict) -> int:
    counted = attention_of(verdict).limit(COUNT_LIMIT)
    return await session.scalar(select(func.count()).select_from(counted.subquery())) or 0


async def _count(
    session: AsyncSession,
    table: type[RejectedSampleRow | OutboundWebhookRow | SubscriberRow],
    condition: TextClause,
) -> int:
    counted = select(table.id).where(condition).limit(COUNT_LIMIT)
    return await session.scalar(select(func.count()).select_from(counted.subquery())) or 0
