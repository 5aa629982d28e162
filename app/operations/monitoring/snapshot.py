"""Snapshot of backlogs and open reviews: counts and ages, cheap to read every few seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.lanes import LANES
from app.forwarding.subscribers.health import FAILING_AFTER, FAILURES_IN_A_ROW
from app.operations.monitoring.mail_snapshot import MailSnapshot, read_mails
from app.order_life.reviews import Reason

COUNT_LIMIT = 10_000
"""Limit of every count."""
FAILING = (
    f"(s.failures >= {FAILURES_IN_A_ROW}"
    f" OR s.failing_since <= now() - interval '{FAILING_AFTER.total_seconds()} s')"
)
"""SQL condition of a failing subscriber `s`: too many failures, or for too long. It may be null."""

# Each subquery reads the end of an index, or at most COUNT_LIMIT entries of one.
QUEUES = text(f"""
SELECT now() AS at,
  (SELECT received_at FROM notices WHERE origin = 'call'
   ORDER BY id DESC LIMIT 1) AS last_call_at,
  (SELECT count(*) FROM (
     SELECT 1 FROM notices WHERE verdict IS NULL LIMIT {COUNT_LIMIT}) AS counted) AS unjudged,
  (SELECT extract(epoch FROM now() - min(head.received_at))::float8
   FROM generate_series(0, {LANES - 1}) AS lane CROSS JOIN LATERAL (
     SELECT received_at FROM notices WHERE notices.lane = lane.lane AND verdict IS NULL
     ORDER BY id LIMIT 1) AS head) AS unjudged_seconds,
  (SELECT count(*) FROM (
     SELECT 1 FROM notices WHERE verdict = 'quarantined' AND dismissed_at IS NULL
     LIMIT {COUNT_LIMIT}) AS counted) AS quarantined,
  (SELECT count(*) FROM (
     SELECT 1 FROM notices WHERE verdict = 'conflict' AND dismissed_at IS NULL
     LIMIT {COUNT_LIMIT}) AS counted) AS conflicts,
  (SELECT count(*) FROM (
     SELECT 1 FROM outbound_webhooks WHERE state = 'dead' AND dismissed_at IS NULL
     LIMIT {COUNT_LIMIT}) AS counted) AS dead,
  (SELECT count(*) FROM (
     SELECT 1 FROM applications WHERE state = 'unknown'
     LIMIT {COUNT_LIMIT}) AS counted) AS unknown_applications
""")  # noqa: S608 - only our own constants are put in

OPEN_REVIEWS = text(f"""
SELECT each.reason, (SELECT count(*) FROM (
  SELECT 1 FROM reviews WHERE reviews.reason = each.reason AND settled_at IS NULL
  LIMIT {COUNT_LIMIT}) AS counted) AS open
FROM unnest(CAST(:reasons AS text[])) AS each (reason)
""").bindparams(reasons=[reason.value for reason in Reason])  # noqa: S608

# The order of pending webhooks is spelled like that of the index of due webhooks.
SUBSCRIBERS = text(f"""
SELECT s.name, s.state, s.pause_reason, pending.undelivered,
  extract(epoch FROM now() - pending.oldest_at)::float8 AS oldest_seconds,
  CASE WHEN {FAILING} THEN s.failing_since END AS failing_since
FROM subscribers s CROSS JOIN LATERAL (
  SELECT count(*) AS undelivered, min(first.created_at) AS oldest_at FROM (
    SELECT w.created_at FROM outbound_webhooks w
    WHERE w.subscriber_id = s.id AND w.state = 'pending'
    ORDER BY least(w.attempts + w.excused, 1), w.due_at, w.id LIMIT {COUNT_LIMIT}
  ) AS first) AS pending
WHERE s.state <> 'removed' ORDER BY s.name
""")  # noqa: S608

_LATEST_NOTICES = text("""
SELECT id::text FROM notices
WHERE verdict IN ('quarantined', 'conflict') AND verdict = CAST(:verdict AS text)
  AND dismissed_at IS NULL ORDER BY id DESC LIMIT :limit
""")
_LATEST_DEAD = text("""
SELECT id::text FROM outbound_webhooks
WHERE state = 'dead' AND dismissed_at IS NULL ORDER BY id DESC LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class SubscriberSnapshot:
    """Backlog and health of one subscriber.

    `undelivered` is counted up to COUNT_LIMIT. `oldest_seconds` is the age of the oldest of these.
    """

    name: str
    state: str
    pause_reason: str | None
    undelivered: int
    oldest_seconds: float | None
    failing_since: datetime | None
    """Start of its failures; None unless it counts as failing."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State of the service at one moment of the database's clock.

    Counts end at COUNT_LIMIT. Ages are in seconds, None if nothing is pending.
    """

    at: datetime
    last_call_at: datetime | None
    unjudged: int
    unjudged_seconds: float | None
    quarantined: int
    conflicts: int
    dead: int
    subscribers: tuple[SubscriberSnapshot, ...]
    open_reviews: Mapping[str, int] = field(default_factory=dict)
    """Number of open reviews, by reason."""
    unknown_applications: int = 0
    mails: MailSnapshot = field(default_factory=MailSnapshot)


async def read_snapshot(session: AsyncSession) -> Snapshot:
    """Return the current snapshot."""
    queues = (await session.execute(QUEUES)).mappings().one()
    rows = (await session.execute(SUBSCRIBERS)).mappings()
    subscribers = tuple(SubscriberSnapshot(**row) for row in rows)
    reviews = {row.reason: row.open for row in await session.execute(OPEN_REVIEWS)}
    mails = await read_mails(session, queues["at"])
    return Snapshot(**queues, subscribers=subscribers, open_reviews=reviews, mails=mails)


async def latest_notices(session: AsyncSession, verdict: str, limit: int) -> list[str]:
    """Return the ids of the newest notices with `verdict`, quarantined or conflict, to review."""
    return list(
        (await session.scalars(_LATEST_NOTICES, {"verdict": verdict, "limit": limit})).all()
    )


async def latest_dead(session: AsyncSession, limit: int) -> list[str]:
    """Return the ids of the newest dead webhooks that need review."""
    return list((await session.scalars(_LATEST_DEAD, {"limit": limit})).all())
