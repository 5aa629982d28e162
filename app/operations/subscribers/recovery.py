"""Recovery: a job of the workers that resends what a subscriber missed in a time range."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, any_, func, not_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import now, uuid7
from app.db.engine import Sessions
from app.db.tables.jobs import RecoveryJobRow
from app.db.tables.orders import EventRow
from app.db.tables.subscribers import SubscriberRow
from app.db.tables.webhooks import OutboundWebhookRow
from app.events.types import USUAL
from app.forwarding.recovery_jobs import JobState, Scope, events_between
from app.operations.access.audit import write_entry
from app.operations.access.idempotency import Once
from app.operations.access.permissions import Action, Actor
from app.operations.deliveries.models import UNDELIVERED
from app.operations.deliveries.webhooks import BEING_SENT
from app.operations.errors import NotCancellable, RecoveryNotFound, SubscriberPolls
from app.operations.models import Line, Moment, Page, Value
from app.operations.pagination import Place, read_page
from app.operations.subscribers.models import EventTypes
from app.operations.subscribers.rows import subscriber_row, wanted_tests
from app.operations.subscribers.validation import check_event_types

_FIRST_MOMENT = datetime(2020, 1, 1, tzinfo=UTC)
_LAST_MOMENT = datetime(2200, 1, 1, tzinfo=UTC)


class RecoveryRequest(Value):
    """Selection of the webhooks to resend."""

    model_config = ConfigDict(extra="forbid")

    subscriber: Annotated[Line, Field(examples=["shop"])]
    since: AwareDatetime
    """Start of the time range in which the events were made."""
    until: AwareDatetime | None = None
    """End of the time range, exclusive; missing: now."""
    event_types: EventTypes = None
    """Only events of these types; missing: the types that the subscriber gets."""
    everything: bool = False
    """Also resend delivered webhooks, and events from before it was added."""
    rate: Annotated[int | None, Field(ge=1, le=10_000, examples=[50])] = None
    """Limit of webhooks per second that become due; missing: only the subscriber's limits."""
    dry_run: bool = False
    """True to count only."""


class Recovery(Value):
    """Number of webhooks that are resent, or would be."""

    subscriber: str
    webhooks: int
    dry_run: bool
    id: UUID | None
    """Id of the job; None for a dry run."""


class RecoveryJob(Value):
    """Recovery with its progress."""

    id: UUID
    subscriber: Annotated[str, Field(examples=["shop"])]
    since: Moment
    until: Moment
    event_types: list[str]
    scope: Scope
    rate: int | None
    state: JobState
    total: int
    """Webhooks to resend, counted at the start."""
    done: int
    """Webhooks of these that have become due."""
    created_by: str
    created_at: Moment
    finished_at: Moment | None


class RecoveryJobPage(Page[RecoveryJob]):
    """Recoveries, the newest first."""


async def recover(
    sessions: Sessions, request: RecoveryRequest, actor: Actor, once: Once | None = None
) -> Recovery:
    """Start a job that resends the webhooks of a time range, or count them.

    Their attempts count from zero. They keep their `webhook-id`, so a subscriber that checks it
    processes none twice. Webhooks in flight stay unchanged. Raise SubscriberNotFound,
    SubscriberPolls, NotAcceptable, NotAllowed or KeyReused.
    """
    async with sessions.begin() as session:
        if once and (earlier := await once.earlier(session, actor)):
            return Recovery.model_validate_json(earlier)
        row = await subscriber_row(session, request.subscriber)
        if row.feed:
            raise SubscriberPolls
        recovery = await _recover(session, row, request, actor)
        if not request.dry_run:
            await write_entry(
                session,
                actor,
                Action.WEBHOOKS_RECOVERED,
                f"subscriber:{request.subscriber}",
                **_details(request, recovery),
            )
        if once:
            await once.keep(session, actor, recovery.model_dump_json())
    return recovery


async def _recover(
    session: AsyncSession, row: SubscriberRow, request: RecoveryRequest, actor: Actor
) -> Recovery:
    types = _types(row, request)
    until = request.until or now()
    first, end = events_between(request.since, until)
    # Postgres cannot store every moment that Python can.
    since, until = (
        min(max(moment, _FIRST_MOMENT), _LAST_MOMENT) for moment in (request.since, until)
    )
    events = [*_events(types, since, until, first, end), *wanted_tests(row)]
    count = await _count(session, _chosen(row.id, request, events))
    if request.dry_run:
        return Recovery(subscriber=request.subscriber, webhooks=count, dry_run=True, id=None)
    scope = Scope.EVERYTHING if request.everything else Scope.UNDELIVERED
    job = RecoveryJobRow(
        id=uuid7(),
        subscriber_id=row.id,
        since=since,
        until=until,
        event_types=types,
        scope=scope,
        rate=request.rate,
    )
    job.total, job.cursor, job.created_by = count, first, actor.name
    session.add(job)
    await session.flush()
    return Recovery(subscriber=request.subscriber, webhooks=count, dry_run=False, id=job.id)


def _types(row: SubscriberRow, request: RecoveryRequest) -> list[str]:
    """Return the selected types. With `everything`, only those about orders.

    A subscriber never gets health events about itself, so these are not resent.
    """
    types = check_event_types(request.event_types) or row.event_types or sorted(USUAL)
    return [name for name in types if name in USUAL] if request.everything else types


def _details(request: RecoveryRequest, recovery: Recovery) -> dict[str, Any]:
    given = request.model_dump(
        mode="json",
        include={"since", "until", "event_types", "everything", "rate"},
        exclude_none=True,
    )
    return {**given, "webhooks": recovery.webhooks, "recovery": str(recovery.id)}


def _events(
    types: Sequence[str], since: datetime, until: datetime, first: UUID, end: UUID
) -> list[ColumnElement[bool]]:
    """Return the conditions of the selected events.

    Ids begin with the time, so the primary key finds the range; the conditions on time are exact.
    """
    moments = (EventRow.created_at >= since, EventRow.created_at < until)
    return [EventRow.id > first, EventRow.id < end, *moments, EventRow.type.in_(types)]


def _chosen(
    subscriber_id: UUID, request: RecoveryRequest, events: list[ColumnElement[bool]]
) -> Select[*tuple[Any, ...]]:
    of_subscriber = OutboundWebhookRow.subscriber_id == subscriber_id
    if request.everything:
        return select(EventRow.id).where(
            EventRow.id.not_in(
                select(OutboundWebhookRow.event_id).where(of_subscriber, BEING_SENT)
            ),
            *events,
        )
    # The index gives the subscriber's undelivered webhooks first, then each event is looked up. A
    # join could scan all events.
    undelivered = select(OutboundWebhookRow.event_id).where(
        of_subscriber, OutboundWebhookRow.state.in_(UNDELIVERED), not_(BEING_SENT)
    )
    return select(EventRow.id).where(
        EventRow.id == any_(func.array(undelivered.scalar_subquery())), *events
    )


async def list_recoveries(sessions: Sessions, place: Place) -> RecoveryJobPage:
    """Return all recoveries, the newest first. Raise BadCursor."""
    async with sessions() as session:
        rows, cursor, has_more = await read_page(
            session, _jobs(), RecoveryJobRow.id, place, newest_first=True
        )
    return RecoveryJobPage(
        items=[_job_of(*row) for row in rows], next_cursor=cursor, has_more=has_more
    )


async def show_recovery(sessions: Sessions, recovery_id: UUID) -> RecoveryJob:
    """Return one recovery with its progress. Raise RecoveryNotFound."""
    async with sessions() as session:
        found = (
            await session.execute(_jobs().where(RecoveryJobRow.id == recovery_id))
        ).one_or_none()
    if found is None:
        raise RecoveryNotFound
    return _job_of(*found)


async def cancel_recovery(sessions: Sessions, recovery_id: UUID, actor: Actor) -> RecoveryJob:
    """Cancel a recovery. Webhooks that are already due are still sent.

    Raise RecoveryNotFound, NotCancellable or NotAllowed.
    """
    async with sessions.begin() as session:
        job = await session.get(RecoveryJobRow, recovery_id, with_for_update=True)
        if job is None:
            raise RecoveryNotFound
        if job.state != JobState.RUNNING:
            raise NotCancellable(job.state)
        job.state, job.finished_at = JobState.CANCELLED, now()
        await write_entry(
            session,
            actor,
            Action.RECOVERY_CANCELLED,
            f"recovery:{recovery_id}",
            done=job.done,
            total=job.total,
        )
    return await show_recovery(sessions, recovery_id)


def _jobs() -> Select[*tuple[Any, ...]]:
    return select(RecoveryJobRow, SubscriberRow.name).join(
        SubscriberRow, SubscriberRow.id == RecoveryJobRow.subscriber_id
    )


def _job_of(row: RecoveryJobRow, subscriber: str) -> RecoveryJob:
    columns = {
        field: getattr(row, field) for field in RecoveryJob.model_fields if field != "subscriber"
    }
    return RecoveryJob(subscriber=subscriber, **columns)


async def _count(session: AsyncSession, chosen: Select[*tuple[Any, ...]]) -> int:
    return await session.scalar(select(func.count()).select_from(chosen.subquery())) or 0
