"""Filters of lists of outbound webhooks: each reads a page from the end of an index."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, func, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.tables.subscribers import SubscriberRow
from app.db.tables.webhooks import OutboundWebhookRow
from app.operations.deliveries.models import WebhookState
from app.operations.pagination import Column, Key, Place, along, key_of

COUNT_LIMIT = 10_000
ATTENTION = text("outbound_webhooks.state = 'dead' AND outbound_webhooks.dismissed_at IS NULL")
"""Condition of webhooks that need review, spelled like the condition of their index."""


async def count_webhooks(session: AsyncSession, subscriber_id: UUID, state: WebhookState) -> int:
    """Return the number of a subscriber's webhooks in this state.

    The count stops at COUNT_LIMIT, which limits the cost of a long backlog.
    """
    counted = (
        select(OutboundWebhookRow.id)
        .where(OutboundWebhookRow.subscriber_id == subscriber_id, OutboundWebhookRow.state == state)
        .limit(COUNT_LIMIT)
    )
    return await session.scalar(select(func.count()).select_from(counted.subquery())) or 0


async def ids_of_name(session: AsyncSession, name: str) -> Sequence[UUID]:
    """Return the ids of the subscribers that have or had this name."""
    return (await session.scalars(select(SubscriberRow.id).where(SubscriberRow.name == name))).all()


async def ids_of_state(
    session: AsyncSession,
    place: Place,
    state: WebhookState | None,
    owner: UUID | None,
    attention: bool,
) -> list[Key]:
    """Return the newest `limit` + 1 ids of one state and one subscriber; None: of all.

    An index gives them in the order of their ids.
    """
    if attention and state not in (None, WebhookState.DEAD):
        return []
    after = None if place.cursor is None else (key_of(place.cursor, int),)
    state = WebhookState.DEAD if attention else state
    if state is WebhookState.DELIVERED and owner is None:
        query = _delivered(after, place.limit + 1)
    elif state is None:
        query = select(OutboundWebhookRow.id).order_by(OutboundWebhookRow.id.desc())
        query = query if after is None else query.where(OutboundWebhookRow.id < after[0])
    else:
        fixed: dict[Column, object] = (
            {} if owner is None else {OutboundWebhookRow.subscriber_id: owner}
        )
        query = along(
            _by_index(attention, owner),
            {**fixed, OutboundWebhookRow.state: state.value},
            (OutboundWebhookRow.id,),
            after,
        )
    return list(await session.scalars(query.limit(place.limit + 1)))


def _by_index(attention: bool, owner: UUID | None) -> Select[int]:
    """Return the query with the condition of the partial index that fits it.

    The indexes hold dead webhooks that need review, webhooks by subscriber, and undelivered ones.
    """
    ids = select(OutboundWebhookRow.id)
    if attention:
        return ids.where(ATTENTION)
    return ids if owner is not None else ids.where(text("outbound_webhooks.state <> 'delivered'"))


def _delivered(after: Sequence[Key] | None, limit: int) -> Select[int]:
    """Return the query for the newest delivered webhooks, subscriber by subscriber.

    Nearly all webhooks are delivered, so no index holds just these.
    """
    fixed = {
        OutboundWebhookRow.subscriber_id: SubscriberRow.id,
        OutboundWebhookRow.state: WebhookState.DELIVERED.value,
    }
    latest = along(select(OutboundWebhookRow.id), fixed, (OutboundWebhookRow.id,), after).limit(
        limit
    )
    per_subscriber = latest.correlate(SubscriberRow).lateral()
    return (
        select(per_subscriber.c.id)
        .select_from(SubscriberRow)
        .join(per_subscriber, true())
        .order_by(per_subscriber.c.id.desc())
    )
