"""Outbound webhooks as an operator sees them: what is owed to whom, what was tried, and trying again."""

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
"""Which webhooks a human should look at, in the words of the index that holds them."""


class WebhookState(StrEnum):
    """Where an outbound webhook stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"


UNDELIVERED = (WebhookState.PENDING, WebhookState.DEAD)
"""What a subscriber has not got and would want."""

BEING_SENT = and_(
    OutboundWebhookRow.state == WebhookState.PENDING,
    OutboundWebhookRow.lease_token.is_not(None),
    OutboundWebhookRow.due_at > func.now(),
)
"""A worker holds its lease. To interfere would send the same event twice at once and lose the first result."""

AFRESH: dict[str, Any] = {
    "state": WebhookState.PENDING,
    "due_at": func.now(),
    "lease_token": None,
    "attempts": 0,
    "excused": 0,
    "finished_at": None,
    "dismissed_at": None,
    "dismissal": None,
}
"""The columns of an outbound webhook that is to be tried from the beginning, now."""


class Attempt(Value):
    """One HTTP try of one outbound webhook and what came back."""

    number: int
    started_at: Moment
    duration_ms: int
    outcome: Annotated[str, Field(examples=["http_5xx"])]
    http_status: Annotated[int | None, Field(examples=[503])]
    excerpt: str | None
    """What went wrong where there was no answer, else the beginning of the answer's body; since that may repeat what was sent, it is
    None until personal values are asked for."""


class OutboundWebhook(Value):
    """One event owed to one subscriber."""

    id: int
    subscriber: Annotated[str, Field(examples=["shop"])]
    event_id: UUID
    event_type: Annotated[str, Field(examples=["payment.received"])]
    order_no: Annotated[str | None, Field(examples=["1234-56789-01234"])]
    sequence: int | None
    state: WebhookState
    due_at: Moment | None
    """When the next attempt is due; None unless the webhook is pending."""
    attempts: int
    """Attempts charged to the subscriber since the webhook was created or last retried."""
    excused: int
    """Attempts since then that failed on our own side."""
    last_outcome: Annotated[str | None, Field(examples=["delivered"])]
    created_at: Moment
    finished_at: Moment | None
    dismissed_at: Moment | None
    """When an operator decided that the dead webhook needs no attention."""
    dismissal: str | None
    """Why."""


class OutboundWebhookInFull(OutboundWebhook):
    """One outbound webhook with every attempt."""

    history: list[Attempt]
    """All attempts, the first first."""


class OutboundWebhookPage(Page[OutboundWebhook]):
    """Outbound webhooks, the latest first."""


async def list_outbound(
    sessions: Sessions,
    place: Place,
    *,
    states: Sequence[WebhookState] = (),
    subscriber: str | None = None,
    attention: bool = False,
) -> OutboundWebhookPage:
    """The outbound webhooks in one of `states` (none given: all) and of one subscriber, the latest first.

    With `attention` only those that were given up and that nobody has dismissed. Raises BadCursor.
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
    """Return the page of `list_outbound` as part of a larger answer. Raises BadCursor."""
    owners: Sequence[UUID | None] = (
        (None,) if subscriber is None else await _ids_of(session, subscriber)
    )
    wanted = states or ((None,) if subscriber is None or attention else tuple(WebhookState))
    found = [
        await _branch(session, place, state, owner, attention)
        for state in wanted
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
    """One outbound webhook with its attempts; what was answered is shown to `shown_to`. Raises WebhookNotFound, NotAllowed."""
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
    """Make a pending or dead webhook due now and count its attempts from the beginning again.

    Raises WebhookNotFound, NotRetriable, NotAllowed.
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
            update(OutboundWebhookRow).where(OutboundWebhookRow.id == webhook_id).values(AFRESH)
        )
        await write_entry(
            session, actor, Action.WEBHOOK_RETRIED, f"webhook:{webhook_id}", state=state
        )
        await session.execute(text(f"NOTIFY {OUTBOUND}"))
    return await show_outbound(sessions, webhook_id)


async def webhooks_of_order(
    session: AsyncSession, order_no: str, limit: int, *, personal: bool
) -> list[OutboundWebhookInFull]:
    """The outbound webhooks of an order in the order of its events, with their attempts."""
    query = (
        _selection()
        .where(EventRow.order_no == order_no)
        .order_by(EventRow.sequence, OutboundWebhookRow.id)
        .limit(limit)
    )
    return await _in_full(session, query, personal=personal)


async def count_webhooks(session: AsyncSession, subscriber_id: UUID, state: WebhookState) -> int:
    """How many webhooks of a subscriber are in this state, counted up to COUNT_LIMIT so that a long queue costs no more than that."""
    some = (
        select(OutboundWebhookRow.id)
        .where(OutboundWebhookRow.subscriber_id == subscriber_id, OutboundWebhookRow.state == state)
        .limit(COUNT_LIMIT)
    )
    return await session.scalar(select(func.count()).select_from(some.subquery())) or 0


async def _ids_of(session: AsyncSession, name: str) -> Sequence[UUID]:
    """The subscribers that have or had this name."""
    return (await session.scalars(select(SubscriberRow.id).where(SubscriberRow.name == name))).all()


async def _branch(
    session: AsyncSession,
    place: Place,
    state: WebhookState | None,
    owner: UUID | None,
    attention: bool,
) -> list[Key]:
    """The latest ids of a page and one more for one state and one subscriber, None for all; each is read from an index in order of id."""
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
            _in_words(attention, owner),
            {**fixed, OutboundWebhookRow.state: state.value},
            (OutboundWebhookRow.id,),
            after,
        )
    return list(await session.scalars(query.limit(place.limit + 1)))


def _in_words(attention: bool, owner: UUID | None) -> Select[int]:
    """The ids, in the words of the index that is to be read: that of dead ones to look at, of a subscriber, of all states but the usual."""
    ids = select(OutboundWebhookRow.id)
    if attention:
        return ids.where(ATTENTION)
    return ids if owner is not None else ids.where(text("outbound_webhooks.state <> 'delivered'"))


def _delivered(after: Sequence[Key] | None, limit: int) -> Select[int]:
    """The latest delivered ones, looked for subscriber by subscriber: nearly all are, and no index holds just them."""
    fixed = {
        OutboundWebhookRow.subscriber_id: SubscriberRow.id,
        OutboundWebhookRow.state: WebhookState.DELIVERED.value,
    }
    latest = along(select(OutboundWebhookRow.id), fixed, (OutboundWebhookRow.id,), after).limit(
        limit
    )
    of_each = latest.correlate(SubscriberRow).lateral()
    return (
        select(of_each.c.id)
        .select_from(SubscriberRow)
        .join(of_each, true())
        .order_by(of_each.c.id.desc())
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
    """The value of a row."""
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
