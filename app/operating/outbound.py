"""Outbound webhooks as an operator sees them: what is owed to whom, what was tried, and trying again."""

from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import Select, and_, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.tables import AttemptRow, EventRow, OutboundWebhookRow, SubscriberRow
from app.db.wakeup import OUTBOUND
from app.logs import get_logger
from app.operating.paging import Place, read_page
from app.operating.refusals import NotRetriable, WebhookNotFound
from app.operating.values import Moment, Page, Value

COUNT_LIMIT = 10_000

log = get_logger("operating")


class WebhookState(StrEnum):
    """Where an outbound webhook stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"


UNDELIVERED = (WebhookState.PENDING, WebhookState.DEAD)
"""What a subscriber has not got and would want."""

BEING_SENT = and_(
    OutboundWebhookRow.state == WebhookState.PENDING, OutboundWebhookRow.lease_token.is_not(None), OutboundWebhookRow.due_at > func.now()
)
"""A worker holds its lease. To interfere would send the same event twice at once and lose the first result."""

AFRESH: dict[str, Any] = {
    "state": WebhookState.PENDING,
    "due_at": func.now(),
    "lease_token": None,
    "attempts": 0,
    "excused": 0,
    "finished_at": None,
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


class OutboundWebhookInFull(OutboundWebhook):
    """One outbound webhook with every attempt."""

    history: list[Attempt]
    """All attempts, the first first."""


class OutboundWebhookPage(Page[OutboundWebhook]):
    """Outbound webhooks, the latest first."""


async def list_outbound(
    sessions: Sessions, place: Place, *, states: Sequence[WebhookState] = (), subscriber: str | None = None
) -> OutboundWebhookPage:
    """The outbound webhooks in one of `states` (none given: all) and of one subscriber, the latest first. Raises BadCursor."""
    query = _selection()
    if states:
        query = query.where(OutboundWebhookRow.state.in_(states))
    if subscriber is not None:
        query = query.where(SubscriberRow.name == subscriber)
    async with sessions() as session:
        rows, cursor, has_more = await read_page(session, query, OutboundWebhookRow.id, place, newest_first=True)
    return OutboundWebhookPage(items=[OutboundWebhook(**_common(*row)) for row in rows], next_cursor=cursor, has_more=has_more)


async def show_outbound(sessions: Sessions, webhook_id: int, *, personal: bool = False) -> OutboundWebhookInFull:
    """One outbound webhook with its attempts. Raises WebhookNotFound."""
    async with sessions() as session:
        found = await _in_full(session, _selection().where(OutboundWebhookRow.id == webhook_id), personal=personal)
    if not found:
        raise WebhookNotFound
    return found[0]


async def retry_outbound(sessions: Sessions, webhook_id: int) -> OutboundWebhookInFull:
    """Make a pending or dead webhook due now, with all its attempts before it. Raises WebhookNotFound, NotRetriable."""
    async with sessions.begin() as session:
        query = select(OutboundWebhookRow.state, BEING_SENT).where(OutboundWebhookRow.id == webhook_id).with_for_update()
        found = (await session.execute(query)).one_or_none()
        if found is None:
            raise WebhookNotFound
        state, being_sent = found
        if being_sent or state not in UNDELIVERED:
            raise NotRetriable("being sent" if being_sent else state)
        await session.execute(update(OutboundWebhookRow).where(OutboundWebhookRow.id == webhook_id).values(AFRESH))
        await session.execute(text(f"NOTIFY {OUTBOUND}"))
    log.info("webhook_retried", webhook_id=webhook_id)
    return await show_outbound(sessions, webhook_id)


async def webhooks_of_order(session: AsyncSession, order_no: str, limit: int, *, personal: bool) -> list[OutboundWebhookInFull]:
    """The outbound webhooks of an order in the order of its events, with their attempts."""
    query = _selection().where(EventRow.order_no == order_no).order_by(EventRow.sequence, OutboundWebhookRow.id).limit(limit)
    return await _in_full(session, query, personal=personal)


async def cancel_pending(session: AsyncSession, subscriber_id: UUID) -> None:
    """Give up what a subscriber is still owed. The rows are locked in one order, so that two who do this cannot block each other."""
    pending = (
        select(OutboundWebhookRow.id)
        .where(OutboundWebhookRow.subscriber_id == subscriber_id, OutboundWebhookRow.state == WebhookState.PENDING)
        .order_by(OutboundWebhookRow.id)
        .with_for_update()
    )
    cancelled = {"state": WebhookState.CANCELLED, "finished_at": func.now(), "lease_token": None}
    await session.execute(update(OutboundWebhookRow).where(OutboundWebhookRow.id.in_(pending)).values(cancelled))


async def count_webhooks(session: AsyncSession, subscriber_id: UUID, state: WebhookState) -> int:
    """How many webhooks of a subscriber are in this state, counted up to COUNT_LIMIT so that a long queue costs no more than that."""
    some = (
        select(OutboundWebhookRow.id)
        .where(OutboundWebhookRow.subscriber_id == subscriber_id, OutboundWebhookRow.state == state)
        .limit(COUNT_LIMIT)
    )
    return await session.scalar(select(func.count()).select_from(some.subquery())) or 0


def _selection() -> Select[*tuple[Any, ...]]:
    return (
        select(OutboundWebhookRow, EventRow.type, SubscriberRow.name)
        .join(EventRow, EventRow.id == OutboundWebhookRow.event_id)
        .join(SubscriberRow, SubscriberRow.id == OutboundWebhookRow.subscriber_id)
    )


async def _in_full(session: AsyncSession, query: Select[*tuple[Any, ...]], *, personal: bool) -> list[OutboundWebhookInFull]:
    rows = (await session.execute(query)).all()
    history = await _attempts(session, [row.id for row, _, _ in rows], personal=personal)
    return [OutboundWebhookInFull(**_common(*row), history=history[row[0].id]) for row in rows]


async def _attempts(session: AsyncSession, webhook_ids: Sequence[int], *, personal: bool) -> dict[int, list[Attempt]]:
    history: dict[int, list[Attempt]] = defaultdict(list)
    query = select(AttemptRow).where(AttemptRow.outbound_webhook_id.in_(webhook_ids)).order_by(AttemptRow.id)
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
    }
