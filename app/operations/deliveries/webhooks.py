"""Outbound webhooks as operators see them: list, show with attempts, retry, count."""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import Select, and_, func, select, text, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.notify import OUTBOUND
from app.db.snapshot import snapshot
from app.db.tables.orders import EventRow
from app.db.tables.subscribers import SubscriberRow
from app.db.tables.webhooks import AttemptRow, OutboundWebhookRow
from app.operations.access.audit import write_entry, write_look
from app.operations.access.permissions import Action, Actor
from app.operations.errors import NotRetriable, WebhookNotFound
from app.operations.models import Moment, Page, Value
from app.operations.pagination import Column, Key, Place, along, key_of, page_of

COUNT_LIMIT = 10_000
ATTENTION = text("outbound_webhooks.state = 'dead' AND outbound_webhooks.dismissed_at IS NULL")
"""Condition of webhooks that need review, spelled like the condition of their index."""


class WebhookState(StrEnum):
    """State of an outbound webhook."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"


UNDELIVERED = (WebhookState.PENDING, WebhookState.DEAD)
"""States of webhooks that the subscriber has not received and should receive."""

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


class Attempt(Value):
    """One attempt to deliver an outbound webhook, with its outcome."""

    number: int
    started_at: Moment
    duration_ms: int
    outcome: Annotated[str, Field(examples=["http_5xx"])]
    http_status: Annotated[int | None, Field(examples=[503])]
    excerpt: str | None
    """Error if there was no answer, else the start of the answer's body.

    The body may repeat personal values, so it is None unless personal values are requested.
    """


class OutboundWebhook(Value):
    """One event for one subscriber, with the state of its delivery."""

    id: int
    subscriber: Annotated[str, Field(examples=["shop"])]
    event_id: UUID
    event_type: Annotated[str, Field(examples=["payment.received"])]
    order_no: Annotated[str | None, Field(examples=["1234-56789-01234"])]
    sequence: int | None
    state: WebhookState
    due_at: Moment | None
    """Time of the next attempt; None unless the webhook is pending."""
    attempts: int
    """Attempts since the webhook was created or last retried, without the excused ones."""
    excused: int
    """Attempts since then that failed by a fault of the relay."""
    last_outcome: Annotated[str | None, Field(examples=["delivered"])]
    created_at: Moment
    finished_at: Moment | None
    dismissed_at: Moment | None
    """Time at which an operator dismissed the dead webhook."""
    dismissal: str | None
    """Reason of the dismissal."""


class OutboundWebhookInFull(OutboundWebhook):
    """One outbound webhook with every attempt."""

    history: list[Attempt]
    """All attempts, the oldest first."""


class OutboundWebhookPage(Page[OutboundWebhook]):
    """Outbound webhooks, the newest first."""


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
        (None,) if subscriber is None else await _ids_of(session, subscriber)
    )
    branches = states or ((None,) if subscriber is None or attention else tuple(WebhookState))
    found = [
        await _branch(session, place, state, owner, attention)
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


async def _ids_of(session: AsyncSession, name: str) -> Sequence[UUID]:
    """Return the ids of the subscribers that have or had this name."""
    return (await session.scalars(select(SubscriberRow.id).where(SubscriberRow.name == name))).all()


async def _branch(
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
