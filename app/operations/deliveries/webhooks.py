"""Outbound webhooks as operators see them: list, show with attempts, retry."""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.notify import OUTBOUND
from app.db.snapshot import snapshot
from app.db.tables.orders import EventRow
from app.db.tables.subscribers import SubscriberRow
from app.db.tables.webhooks import AttemptRow, OutboundWebhookRow
from app.operations.access.audit import write_entry, write_look
from app.operations.access.permissions import Action, Actor
from app.operations.deliveries import filters
from app.operations.deliveries.models import (
    UNDELIVERED,
    Attempt,
    OutboundWebhook,
    OutboundWebhookInFull,
    OutboundWebhookPage,
    WebhookState,
)
from app.operations.errors import NotRetriable, WebhookNotFound
from app.operations.pagination import Place, page_of

BEING_SENT = and_(
    OutboundWebhookRow.state == WebhookState.PENDING,
    OutboundWebhookRow.lease_token.is_not(None),
    OutboundWebhookRow.due_at > func.now(),
)
"""Condition of webhooks in flight: a worker holds the lease.

A retry now would send the same event twice concurrently and lose the first result.
"""

RESET: dict[str, Any] = {
    "state": WebhookState.PENDING,
    "due_at": func.now(),
    "lease_token": None,
    "attempts": 0,
    "excused": 0,
    "finished_at": None,
    "dismissed_at": None,
    "dismissal": None,
}
"""Columns of an outbound webhook that is reset: due now, with no attempts counted."""


async def list_outbound(
    sessions: Sessions,
    place: Place,
    *,
    states: Sequence[WebhookState] = (),
    subscriber: str | None = None,
    attention: bool = False,
) -> OutboundWebhookPage:
    """Return outbound webhooks in one of `states` (empty: all) of one subscriber, the newest first.

    With `attention`, return only dead webhooks that nobody has dismissed. Raise BadCursor.
    """
    async with snapshot(sessions) as session:
        return await read_outbound(
            session, place, states=states, subscriber=subscriber, attention=attention
        )


async def read_outbound(
    session: AsyncSession,
    place: Place,
    *,
    states: Sequence[WebhookState] = (),
    subscriber: str | None = None,
    attention: bool = False,
) -> OutboundWebhookPage:
    """Return the page of `list_outbound` as part of a larger answer. Raise BadCursor."""
    owners: Sequence[UUID | None] = (
        (None,) if subscriber is None else await filters.ids_of_name(session, subscriber)
    )
    branches = states or ((None,) if subscriber is None or attention else tuple(WebhookState))
    found = [
        await filters.ids_of_state(session, place, state, owner, attention)
        for state in branches
        for owner in owners
    ]
    page, cursor, has_more = page_of(itertools.chain.from_iterable(found), place)
    rows = await session.execute(
        _selection().where(OutboundWebhookRow.id.in_(page)).order_by(OutboundWebhookRow.id.desc())
    )
    items = [OutboundWebhook(**_common(*row)) for row in rows]
    return OutboundWebhookPage(items=items, next_cursor=cursor, has_more=has_more)


async def show_outbound(
    sessions: Sessions, webhook_id: int, *, shown_to: Actor | None = None
) -> OutboundWebhookInFull:
    """Return one outbound webhook with its attempts.

    With `shown_to`, include the subscriber's answers and record that this actor saw them.
    Raise WebhookNotFound or NotAllowed.
    """
    async with snapshot(sessions, audited=shown_to is not None) as session:
        found = await _in_full(
            session,
            _selection().where(OutboundWebhookRow.id == webhook_id),
            personal=shown_to is not None,
        )
        if not found:
            raise WebhookNotFound
        if shown_to is not None:
            await write_look(session, shown_to, f"webhook:{webhook_id}")
    return found[0]


async def retry_outbound(
    sessions: Sessions, webhook_id: int, actor: Actor
) -> OutboundWebhookInFull:
    """Make a pending or dead webhook due now and count its attempts from zero again.

    Raise WebhookNotFound, NotRetriable or NotAllowed.
    """
    async with sessions.begin() as session:
        query = (
            select(OutboundWebhookRow.state, BEING_SENT)
            .where(OutboundWebhookRow.id == webhook_id)
            .with_for_update()
        )
        found = (await session.execute(query)).one_or_none()
        if found is None:
            raise WebhookNotFound
        state, being_sent = found
        if being_sent or state not in UNDELIVERED:
            raise NotRetriable("being sent" if being_sent else state)
        await session.execute(
            update(OutboundWebhookRow).where(OutboundWebhookRow.id == webhook_id).values(RESET)
        )
        await write_entry(
            session, actor, Action.WEBHOOK_RETRIED, f"webhook:{webhook_id}", state=state
        )
        await session.execute(text(f"NOTIFY {OUTBOUND}"))
    return await show_outbound(sessions, webhook_id)


async def webhooks_of_order(
    session: AsyncSession, order_no: str, limit: int, *, personal: bool
) -> list[OutboundWebhookInFull]:
    """Return an order's outbound webhooks with their attempts, in the sequence of its events."""
    query = (
        _selection()
        .where(EventRow.order_no == order_no)
        .order_by(EventRow.sequence, OutboundWebhookRow.id)
        .limit(limit)
    )
    return await _in_full(session, query, personal=personal)


def _selection() -> Select[*tuple[Any, ...]]:
    return (
        select(OutboundWebhookRow, EventRow.type, SubscriberRow.name)
        .join(EventRow, EventRow.id == OutboundWebhookRow.event_id)
        .join(SubscriberRow, SubscriberRow.id == OutboundWebhookRow.subscriber_id)
    )


async def _in_full(
    session: AsyncSession, query: Select[*tuple[Any, ...]], *, personal: bool
) -> list[OutboundWebhookInFull]:
    rows = (await session.execute(query)).all()
    history = await _attempts(session, [row.id for row, _, _ in rows], personal=personal)
    return [OutboundWebhookInFull(**_common(*row), history=history[row[0].id]) for row in rows]


async def _attempts(
    session: AsyncSession, webhook_ids: Sequence[int], *, personal: bool
) -> dict[int, list[Attempt]]:
    history: dict[int, list[Attempt]] = defaultdict(list)
    query = (
        select(AttemptRow)
        .where(AttemptRow.outbound_webhook_id.in_(webhook_ids))
        .order_by(AttemptRow.id)
    )
    for row in await session.scalars(query):
        history[row.outbound_webhook_id].append(attempt_of(row, personal=personal))
    return history


def attempt_of(row: AttemptRow, *, personal: bool) -> Attempt:
    """Return the value of a row."""
    return Attempt(
        number=row.number,
        started_at=row.started_at,
        duration_ms=row.duration_ms,
        outcome=row.outcome,
        http_status=row.http_status,
        excerpt=row.excerpt if personal or row.http_status is None else None,
    )


def _common(row: OutboundWebhookRow, event_type: str, subscriber: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "subscriber": subscriber,
        "event_id": row.event_id,
        "event_type": event_type,
        "order_no": row.order_no,
        "sequence": row.sequence,
        "state": row.state,
        "due_at": row.due_at if row.state == WebhookState.PENDING else None,
        "attempts": row.attempts,
        "excused": row.excused,
        "last_outcome": row.last_outcome,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
        "dismissed_at": row.dismissed_at,
        "dismissal": row.dismissal,
    }
