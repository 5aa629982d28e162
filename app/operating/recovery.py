"""Sending a subscriber again what it missed in a span of time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, Uuid, func, literal, not_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import now
from app.db.engine import Sessions
from app.db.tables import EventRow, OutboundWebhookRow
from app.db.wakeup import OUTBOUND
from app.events.types import SUBSCRIBABLE
from app.operating.access import Action, Actor
from app.operating.audit import write_entry
from app.operating.checks import check_event_types
from app.operating.idempotency import Once
from app.operating.outbound import AFRESH, BEING_SENT, UNDELIVERED
from app.operating.refusals import SubscriberPolls
from app.operating.subscribers import EventTypes, subscriber_row
from app.operating.values import Line, Value

_CLOCKS_APART = timedelta(hours=1)
_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)


class RecoveryRequest(Value):
    """What to send again."""

    model_config = ConfigDict(extra="forbid")

    subscriber: Annotated[Line, Field(examples=["shop"])]
    since: AwareDatetime
    """The beginning of the span of time in which the events were made."""
    until: AwareDatetime | None = None
    """Its end, itself excluded; left out: now."""
    event_types: EventTypes = None
    """Only events of these types; left out: those the subscriber asks for."""
    everything: bool = False
    """Also what was delivered, and events that were never owed to the subscriber, as those from before it was added."""
    dry_run: bool = False
    """Only count."""


class Recovery(Value):
    """How many webhooks are sent again, or would be."""

    subscriber: str
    webhooks: int
    dry_run: bool


async def recover(sessions: Sessions, request: RecoveryRequest, actor: Actor, once: Once | None = None) -> Recovery:
    """Make webhooks of a span of time due now, with all their attempts before them.

    They keep their `webhook-id`: a subscriber that checks it takes none twice. What is being sent at this moment is left alone.
    Raises SubscriberNotFound, SubscriberPolls, NotAcceptable, NotAllowed, KeyReused.
    """
    asked = check_event_types(request.event_types)
    async with sessions.begin() as session:
        if once and (earlier := await once.earlier(session, actor)):
            return Recovery.model_validate_json(earlier)
        row = await subscriber_row(session, request.subscriber)
        if row.feed:
            raise SubscriberPolls
        types = asked or row.event_types or sorted(SUBSCRIBABLE)
        recovery = await _recover(session, row.id, types, request)
        if not request.dry_run:
            await write_entry(session, actor, Action.WEBHOOKS_RECOVERED, f"subscriber:{request.subscriber}", **_details(request, recovery))
            await session.execute(text(f"NOTIFY {OUTBOUND}"))
        if once:
            await once.keep(session, actor, recovery.model_dump_json())
    return recovery


async def _recover(session: AsyncSession, subscriber_id: UUID, types: Sequence[str], request: RecoveryRequest) -> Recovery:
    events = _events(types, request.since, request.until or now())
    way = _recover_everything if request.everything else _recover_undelivered
    count = await way(session, subscriber_id, events, dry_run=request.dry_run)
    return Recovery(subscriber=request.subscriber, webhooks=count, dry_run=request.dry_run)


def _details(request: RecoveryRequest, recovery: Recovery) -> dict[str, Any]:
    asked = request.model_dump(mode="json", include={"since", "until", "event_types", "everything"}, exclude_none=True)
    return {**asked, "webhooks": recovery.webhooks}


def _events(types: Sequence[str], since: datetime, until: datetime) -> list[ColumnElement[bool]]:
    """Which events are meant. Their ids begin with the time, so that the primary key finds them; the exact test follows."""
    latest = now() + _CLOCKS_APART
    since, until = (min(max(moment, _EARLIEST), latest) for moment in (since, until))  # what Postgres and a UUID can hold
    return [
        EventRow.id >= _first_id_of(since - _CLOCKS_APART),
        EventRow.id < _first_id_of(until + _CLOCKS_APART),
        EventRow.created_at >= since,
        EventRow.created_at < until,
        EventRow.type.in_(types),
    ]


def _first_id_of(moment: datetime) -> UUID:
    """The smallest UUIDv7 of a millisecond."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


async def _recover_undelivered(session: AsyncSession, subscriber_id: UUID, events: list[ColumnElement[bool]], *, dry_run: bool) -> int:
    chosen = (
        select(OutboundWebhookRow.id)
        .join(EventRow, EventRow.id == OutboundWebhookRow.event_id)
        .where(OutboundWebhookRow.subscriber_id == subscriber_id, OutboundWebhookRow.state.in_(UNDELIVERED), not_(BEING_SENT), *events)
    )
    if dry_run:
        return await _count(session, chosen)
    chosen = chosen.order_by(OutboundWebhookRow.id).with_for_update(of=OutboundWebhookRow)
    statement = update(OutboundWebhookRow).where(OutboundWebhookRow.id.in_(chosen)).values(AFRESH).returning(OutboundWebhookRow.id)
    return len((await session.scalars(statement)).all())


async def _recover_everything(session: AsyncSession, subscriber_id: UUID, events: list[ColumnElement[bool]], *, dry_run: bool) -> int:
    being_sent = select(OutboundWebhookRow.event_id).where(OutboundWebhookRow.subscriber_id == subscriber_id, BEING_SENT)
    chosen = select(EventRow.id, literal(subscriber_id, Uuid), EventRow.order_no, EventRow.sequence).where(
        EventRow.id.not_in(being_sent), *events
    )
    if dry_run:
        return await _count(session, chosen)
    statement = insert(OutboundWebhookRow).from_select(["event_id", "subscriber_id", "order_no", "sequence"], chosen.order_by(EventRow.id))
    # The second look at BEING_SENT is for a webhook that was claimed since the first.
    statement = statement.on_conflict_do_update(index_elements=["event_id", "subscriber_id"], set_=AFRESH, where=not_(BEING_SENT))
    return len((await session.scalars(statement.returning(OutboundWebhookRow.id))).all())


async def _count(session: AsyncSession, chosen: Select[*tuple[Any, ...]]) -> int:
    return await session.scalar(select(func.count()).select_from(chosen.subquery())) or 0
