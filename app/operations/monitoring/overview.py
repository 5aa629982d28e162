"""Overview: calls and slow answers per hour, backlogs, health of subscribers, and the spool."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

from pydantic import Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import now
from app.db.engine import Sessions
from app.db.lanes import LANES
from app.db.snapshot import snapshot
from app.operations.attention.attention import AttentionCounts, count_attention
from app.operations.deliveries.filters import COUNT_LIMIT
from app.operations.models import Moment, Value
from app.operations.monitoring.hourly import CallHours, HourOfCalls
from app.operations.monitoring.mail_snapshot import read_loss, read_mails
from app.operations.monitoring.snapshot import FAILING
from app.operations.subscribers.models import SubscriberState
from app.recording.spool.status import SpoolMeter, SpoolState

REMEMBERED_SECONDS = 3.0
"""Seconds for which an overview is cached for all readers."""
_HELD_LIMIT = 1_000

# Each subquery reads the end of an index, or counts up to a limit.
_QUEUES = text(f"""
SELECT
  (SELECT received_at FROM notices WHERE origin = 'call'
   ORDER BY id DESC LIMIT 1) AS last_call_at,
  (SELECT count(*) FROM (
     SELECT 1 FROM notices WHERE verdict IS NULL LIMIT {COUNT_LIMIT}) AS counted) AS unjudged,
  (SELECT min(head.received_at)
   FROM generate_series(0, {LANES - 1}) AS lane CROSS JOIN LATERAL (
     SELECT received_at FROM notices WHERE notices.lane = lane.lane AND verdict IS NULL
     ORDER BY id LIMIT 1) AS head) AS oldest_unjudged_at,
  (SELECT count(*) FROM (
     SELECT 1 FROM outbound_webhooks WHERE state = 'pending' LIMIT {COUNT_LIMIT}) AS counted
  ) AS undelivered,
  (SELECT created_at FROM outbound_webhooks WHERE state = 'pending' AND state <> 'delivered'
   ORDER BY id LIMIT 1) AS oldest_undelivered_at
""")  # noqa: S608 - only our own constants are put in

_SUBSCRIBERS = text(f"""
SELECT name, state, pause_reason, state = 'active' AND coalesce({FAILING}, false) AS failing,
  (SELECT count(*) FROM (
     SELECT 1 FROM outbound_webhooks w WHERE w.subscriber_id = s.id AND w.state = 'pending'
     LIMIT {_HELD_LIMIT}) AS counted) AS pending,
  (SELECT count(*) FROM (
     SELECT 1 FROM outbound_webhooks w WHERE w.subscriber_id = s.id AND w.state = 'dead'
     LIMIT {_HELD_LIMIT}) AS counted) AS dead
FROM subscribers s WHERE s.state <> 'removed' ORDER BY s.name
""")  # noqa: S608


class SpoolSeen(Value):
    """Spool directory of this process's machine."""

    records: int
    """Notices that are not recorded in Postgres yet."""
    segments: int
    bytes: int
    oldest_seconds: float | None
    """Age of the oldest notice; None if the spool is empty."""
    refused_records: int
    """Notices that Postgres rejected and that were quarantined on disk."""
    torn_files: int
    unusable_entries: int = 0
    """Unreadable entries that are named like files of the spool. They are skipped."""


class SubscriberHealth(Value):
    """Current health of a subscriber."""

    name: Annotated[str, Field(examples=["shop"])]
    state: SubscriberState
    pause_reason: str | None
    failing: bool
    """True after ten failures in a row or ten minutes of failures; false while it is paused."""
    pending: int
    """Pending webhooks, counted up to 1,000."""
    dead: int
    """Dead webhooks, counted up to 1,000."""


class Queues(Value):
    """Last call and backlogs."""

    last_call_at: Moment | None
    """Time of Zeus's last call; None if there was none."""
    unjudged: int
    """Unjudged notices, counted up to 10,000."""
    oldest_unjudged_at: Moment | None
    undelivered: int
    """Pending webhooks, counted up to 10,000."""
    oldest_undelivered_at: Moment | None


class LossOfCalls(Value):
    """Calls that did not come, measured by believed mails of the last 24 hours."""

    missing: int
    """Calls of which only mails tell."""
    expected: int
    """Calls of which mails tell."""
    rate: Annotated[float | None, Field(examples=[0.002])]
    """Share of the missing ones; None without mails."""


class MailHealth(Value):
    """State of the mails and of the mailbox."""

    last_mail_at: Moment | None
    """Time at which the last mail was read or handed in."""
    mailbox_read_at: Moment | None
    """Last time a mailbox was read; None without a mailbox that was read within a day."""
    missing: int
    """Mails whose calls have not come, counted up to 10,000."""
    call_failed: int
    """Mails that say that a call failed, and that nobody has looked at, counted up to 10,000."""
    not_believed: int
    """Mails of the last 24 hours that are not believed, counted up to 10,000."""


class Overview(Queues):
    """Current state, at most three seconds old."""

    at: Moment
    """Time of this reading."""
    hours: list[HourOfCalls]
    """The last 24 hours, the oldest first. The last one has not ended."""
    subscribers: list[SubscriberHealth]
    attention: AttentionCounts
    spool: SpoolSeen | None
    """None if this process does not share a spool with a receiver."""
    loss: LossOfCalls
    """Loss of calls that mails show."""
    mails: MailHealth | None
    """None as long as no mail was read or handed in."""


class Overviews:
    """Reader of the overview, with a cache of REMEMBERED_SECONDS."""

    def __init__(self, sessions: Sessions, spool: Path | None = None) -> None:
        """`spool` is the spool's directory if this process shares it with a receiver."""
        self._sessions = sessions
        self._spool = spool
        self._meter = SpoolMeter(spool) if spool else None
        self._hours = CallHours()
        self._one_reader = asyncio.Lock()
        self._last: tuple[float, Overview] | None = None

    async def read(self) -> Overview:
        """Return the overview."""
        async with self._one_reader:
            if self._last is None or time.monotonic() - self._last[0] > REMEMBERED_SECONDS:
                self._last = (time.monotonic(), await self._read())
            return self._last[1]

    async def _read(self) -> Overview:
        async with snapshot(self._sessions) as session:
            return Overview(
                at=now(),
                hours=await self._hours.read(session, now()),
                subscribers=await _subscribers(session),
                attention=await count_attention(session),
                loss=await _loss(session),
                mails=await _mails(session),
                spool=await asyncio.to_thread(self._look_at_spool),
                **(await session.execute(_QUEUES)).mappings().one(),
            )

    def _look_at_spool(self) -> SpoolSeen | None:
        if self._meter is None or self._spool is None:
            return None
        try:
            # An unreadable directory raises here. The meter would show it as empty.
            next(self._spool.iterdir(), None)
            return _spool_seen(self._meter.measure())
        except OSError:
            return None


async def _loss(session: AsyncSession) -> LossOfCalls:
    missing, expected = await read_loss(session, now())
    rate = missing / expected if expected else None
    return LossOfCalls(missing=missing, expected=expected, rate=rate)


async def _subscribers(session: AsyncSession) -> list[SubscriberHealth]:
    return [
        SubscriberHealth.model_validate(dict(row))
        for row in (await session.execute(_SUBSCRIBERS)).mappings()
    ]


async def _mails(session: AsyncSession) -> MailHealth | None:
    found = await read_mails(session, now(), with_calls=False)
    if not found.in_use:
        return None
    return MailHealth.model_validate(
        {name: getattr(found, name) for name in MailHealth.model_fields}
    )


def _spool_seen(state: SpoolState) -> SpoolSeen:
    return SpoolSeen.model_validate(
        {field: getattr(state, field) for field in SpoolSeen.model_fields}
    )
