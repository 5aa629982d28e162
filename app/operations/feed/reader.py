"""Event feed: events in the order in which they became visible, for systems that poll.

It serves systems that cannot receive webhooks.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.db.tables.orders import EventRow
from app.db.tables.subscribers import SubscriberRow
from app.operations.access.audit import write_look
from app.operations.access.permissions import Actor, Operator, Role
from app.operations.errors import SubscriberNotFound, SubscriberPaused
from app.operations.feed.wakeup import FeedWakeup
from app.operations.orders.events import Event, EventPage, event_of
from app.operations.pagination import Place, cursor_of, key_of
from app.operations.subscribers.feed_tokens import hash_of
from app.operations.subscribers.models import SubscriberState
from app.operations.subscribers.rows import wanted_tests

LONGEST_WAIT = 60.0
_SCANNED = 2_000
"""Most events that one statement scans. A narrow filter reads a long history in such steps."""
_CONCURRENT_READS = 4


@dataclass(frozen=True, slots=True)
class Reader:
    """Reader of the feed: a subscriber by its id, or an operator.

    An operator gets personal values if `shown_to` is given.
    """

    subscriber_id: UUID | None = None
    shown_to: Actor | None = None


@dataclass(frozen=True, slots=True)
class _View:
    """Filter of a reader: event types (None: all), conditions about test orders, and True if it
    gets personal data.
    """

    event_types: Sequence[str] | None = None
    customer: bool = False
    tests: Sequence[ColumnElement[bool]] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """Events, and the position up to which none was skipped."""

    rows: Sequence[EventRow]
    view: _View
    end: int
    has_more: bool


async def authenticate_feed(sessions: Sessions, token: str) -> Operator | None:
    """Return the subscriber with this feed token as an operator that may only read its feed.

    Return None if there is no such subscriber.
    """
    conditions = (
        SubscriberRow.feed_hash == hash_of(token),
        SubscriberRow.state != SubscriberState.REMOVED,
    )
    async with sessions() as session:
        row = (
            await session.execute(select(SubscriberRow.id, SubscriberRow.name).where(*conditions))
        ).one_or_none()
    return None if row is None else Operator(row.name, Role.VIEWER, row.id)


class Feed:
    """Feed of events with long polling.

    Few reads run concurrently, so that readers leave database connections for operators.
    """

    def __init__(self, sessions: Sessions, wakeup: FeedWakeup) -> None:
        self._sessions = sessions
        self._wakeup = wakeup
        self._slots = asyncio.Semaphore(_CONCURRENT_READS)

    async def read(self, place: Place, reader: Reader, wait_s: float = 0) -> EventPage:
        """Return the events behind the cursor; if there are none, wait up to `wait_s` seconds.

        `next_cursor` is always set. It may advance on an empty page, past events that the filter
        excludes. Raise BadCursor, SubscriberNotFound, SubscriberPaused or NotAllowed.
        """
        after = 0 if place.cursor is None else key_of(place.cursor, int)
        assert isinstance(after, int)  # noqa: S101 - for the type checker
        deadline = monotonic() + wait_s
        while True:
            found = await self._look(after, place.limit, reader)
            left = deadline - monotonic()
            if found.rows or (not found.has_more and (left <= 0 or self._wakeup.closed)):
                return _page(found, reader)
            after = found.end
            if not found.has_more:
                await self._wakeup.beyond(after, left)
            elif left <= 0:
                return _page(found, reader)

    async def _look(self, after: int, limit: int, reader: Reader) -> _Found:
        async with (
            self._slots,
            snapshot(self._sessions, audited=reader.shown_to is not None) as session,
        ):
            found = await _find(session, after, limit, await _view(session, reader))
            if found.rows and reader.shown_to is not None:
                await write_look(session, reader.shown_to, "events")
            return found


async def _view(session: AsyncSession, reader: Reader) -> _View:
    if reader.subscriber_id is None:
        return _View()
    row = await session.get(SubscriberRow, reader.subscriber_id)
    if row is None or row.state == SubscriberState.REMOVED:
        raise SubscriberNotFound
    if row.state == SubscriberState.PAUSED:
        raise SubscriberPaused
    return _View(row.event_types, row.customer, wanted_tests(row))


async def _find(session: AsyncSession, after: int, limit: int, view: _View) -> _Found:
    """Return the events behind the position `after`.

    Positions become visible in ascending order, so no event can appear later before the last one.
    """
    ahead = (
        select(EventRow.position)
        .where(EventRow.position > after)
        .order_by(EventRow.position)
        .limit(_SCANNED)
        .subquery()
    )
    end, scanned = (
        await session.execute(select(func.max(ahead.c.position), func.count()).select_from(ahead))
    ).one()
    if not scanned:
        return _Found((), view, after, has_more=False)
    query = (
        select(EventRow)
        .where(EventRow.position > after, EventRow.position <= end, *view.tests)
        .order_by(EventRow.position)
        .limit(limit + 1)
    )
    if view.event_types is not None:
        query = query.where(EventRow.type.in_(view.event_types))
    rows = (await session.scalars(query)).all()
    if len(rows) > limit:
        return _Found(rows[:limit], view, rows[limit - 1].position or 0, has_more=True)
    return _Found(rows, view, end, has_more=scanned == _SCANNED)


def _page(found: _Found, reader: Reader) -> EventPage:
    if reader.subscriber_id is None:
        items = [event_of(row, personal=reader.shown_to is not None) for row in found.rows]
    else:
        items = [_as_sent(row, found.view) for row in found.rows]
    return EventPage(items=items, next_cursor=cursor_of(found.end), has_more=found.has_more)


def _as_sent(row: EventRow, view: _View) -> Event:
    """Return the event as a webhook carries it: `data` may contain the customer."""
    data: dict[str, Any] = row.data
    if view.customer and row.customer is not None:
        data = {**data, "customer": row.customer}
    return event_of(row, personal=False).model_copy(update={"data": data, "customer": None})
