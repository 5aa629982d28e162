"""The feed: events in the order in which they became visible, for systems that poll because they cannot be called."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
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

LONGEST_WAIT = 60.0
_SCANNED = 2_000
"""How many events one statement passes over at most; a reader with a narrow filter gets through a long past in steps of this."""
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: the subscriber whose feed it is, by id, or an operator, to whom personal values are shown if `shown_to` is given."""

    subscriber_id: UUID | None = None
    shown_to: Actor | None = None


@dataclass(frozen=True, slots=True)
class _View:
    """What a reader may see."""

    event_types: Sequence[str] | None = None
    customer: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """Events, and the position up to which none was left out."""

    rows: Sequence[EventRow]
    view: _View
    end: int
    has_more: bool


async def authenticate_feed(sessions: Sessions, token: str) -> Operator | None:
    """The subscriber whose feed token this is, as an operator who may read that feed and nothing else; None if there is none."""
    wanted = (
        SubscriberRow.feed_hash == hash_of(token),
        SubscriberRow.state != SubscriberState.REMOVED,
    )
    async with sessions() as session:
        row = (
            await session.execute(select(SubscriberRow.id, SubscriberRow.name).where(*wanted))
        ).one_or_none()
    return None if row is None else Operator(row.name, Role.VIEWER, row.id)


class Feed:
    """Reads the feed, and waits where there is nothing yet. Few reads go on at once, so that readers take no connection from operators."""

    def __init__(self, sessions: Sessions, tide: FeedWakeup) -> None:
        self._sessions = sessions
        self._tide = tide
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def read(self, place: Place, reader: Reader, wait_s: float = 0) -> EventPage:
        """The events behind the cursor in the order of the feed; if there are none, those that come within `wait_s` seconds.

        `next_cursor` is always there, and may have moved on where nothing was found: it passes over what the reader does not ask for.
        Raises BadCursor, SubscriberNotFound, SubscriberPaused, NotAllowed.
        """
        after = 0 if place.cursor is None else key_of(place.cursor, int)
        assert isinstance(after, int)  # noqa: S101 - tells the type checker
        deadline = monotonic() + wait_s
        while True:
            found = await self._look(after, place.limit, reader)
            left = deadline - monotonic()
            if found.rows or (not found.has_more and (left <= 0 or self._tide.closed)):
                return _page(found, reader)
            after = found.end
            if not found.has_more:
                await self._tide.beyond(after, left)
            elif left <= 0:
                return _page(found, reader)

    async def _look(self, after: int, limit: int, reader: Reader) -> _Found:
        async with (
            self._turns,
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
    return _View(row.event_types, row.customer)


async def _find(session: AsyncSession, after: int, limit: int, view: _View) -> _Found:
    """Positions become visible in their order, so nothing can still appear before the last one that is seen here."""
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
        .where(EventRow.position > after, EventRow.position <= end)
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
    """The event as a webhook would carry it: the customer stands in `data`, if the subscriber asked for personal data."""
    data: dict[str, Any] = row.data
    if view.customer and row.customer is not None:
        data = {**data, "customer": row.customer}
    return event_of(row, personal=False).model_copy(update={"data": data, "customer": None})
