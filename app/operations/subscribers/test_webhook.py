"""Test webhook: send `webhook.test` to a subscriber and return the first attempt."""

import asyncio
import time
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import now, uuid7
from app.db.engine import Sessions
from app.db.notify import OUTBOUND
from app.db.snapshot import snapshot
from app.db.tables.orders import EventRow
from app.db.tables.webhooks import AttemptRow, OutboundWebhookRow
from app.events.types import EventType
from app.forwarding.fan_out import enqueue
from app.operations.access.audit import write_entry
from app.operations.access.permissions import Action, Actor
from app.operations.deliveries.models import Attempt, WebhookState
from app.operations.deliveries.webhooks import attempt_of
from app.operations.errors import SubscriberPaused, SubscriberPolls
from app.operations.models import Value
from app.operations.subscribers.models import SubscriberState
from app.operations.subscribers.rows import subscriber_row

DEFAULT_WAIT_SECONDS = 10.0
_LOOK_EVERY_SECONDS = 0.1


class TrialRequest(Value):
    """Options of a test webhook."""

    model_config = ConfigDict(extra="forbid")

    wait_seconds: Annotated[float, Field(ge=0, le=30, allow_inf_nan=False)] = DEFAULT_WAIT_SECONDS
    """Seconds to wait for the first attempt; 0 returns immediately."""


class Trial(Value):
    """Test webhook with the result of its first attempt."""

    event_id: UUID
    """`webhook-id` of the test."""
    outbound_webhook_id: int
    state: WebhookState
    attempt: Attempt | None
    """First attempt, with the start of the answer; None if no worker has made one yet."""


async def send_test(
    sessions: Sessions, name: str, actor: Actor, wait_seconds: float = DEFAULT_WAIT_SECONDS
) -> Trial:
    """Enqueue a `webhook.test` event for a subscriber and wait for the first attempt.

    Raise SubscriberNotFound, SubscriberPolls, SubscriberPaused or NotAllowed.
    """
    async with sessions.begin() as session:
        subscriber = await subscriber_row(session, name, lock=True)
        if subscriber.feed:
            raise SubscriberPolls
        if subscriber.state != SubscriberState.ACTIVE:
            raise SubscriberPaused
        event_id = uuid7()
        session.add(
            EventRow(
                id=event_id,
                type=EventType.WEBHOOK_TEST,
                created_at=now(),
                data={"subscriber": name},
            )
        )
        await session.flush()
        webhook_id = await enqueue(session, event_id, subscriber.id)
        await write_entry(
            session, actor, Action.SUBSCRIBER_TESTED, f"subscriber:{name}", event_id=str(event_id)
        )
        await session.execute(text(f"NOTIFY {OUTBOUND}"))
    deadline = time.monotonic() + wait_seconds
    while True:
        result = await _look(sessions, event_id, webhook_id)
        if result.attempt is not None or time.monotonic() >= deadline:
            return result
        await asyncio.sleep(_LOOK_EVERY_SECONDS)


async def _look(sessions: Sessions, event_id: UUID, webhook_id: int) -> Trial:
    async with snapshot(sessions) as session:
        attempt = await _first_attempt(session, webhook_id)
        state = await session.scalar(
            select(OutboundWebhookRow.state).where(OutboundWebhookRow.id == webhook_id)
        )
    # A test contains no personal values, so its answer can be shown.
    shown = attempt_of(attempt, personal=True) if attempt else None
    return Trial(
        event_id=event_id,
        outbound_webhook_id=webhook_id,
        state=WebhookState(state or ""),
        attempt=shown,
    )


async def _first_attempt(session: AsyncSession, webhook_id: int) -> AttemptRow | None:
    query = (
        select(AttemptRow)
        .where(AttemptRow.outbound_webhook_id == webhook_id)
        .order_by(AttemptRow.id)
        .limit(1)
    )
    found: AttemptRow | None = await session.scalar(query)
    return found
