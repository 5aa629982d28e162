"""How things stand, in numbers cheap enough to read every few seconds: what waits, since when, for whom, and what needs a human."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.lanes import LANES
from app.forwarding.subscribers.health import FAILING_AFTER, FAILURES_IN_A_ROW

COUNT_LIMIT = 10_000
"""How far anything is counted: beyond it the number says no more than that it is too many."""
FAILING = f"(s.failures >= {FAILURES_IN_A_ROW} OR s.failing_since <= now() - interval '{FAILING_AFTER.total_seconds()} s')"
"""Whether the failures of a subscriber `s` last so long or are so many that it counts as failing; null or false where it has none."""

# Every part reads the end of an index, or at most COUNT_LIMIT entries of one.
QUEUES = text(f"""
SELECT now() AS at,
  (SELECT received_at FROM notices ORDER BY id DESC LIMIT 1) AS last_call_at,
  (SELECT count(*) FROM (SELECT 1 FROM notices WHERE verdict IS NULL LIMIT {COUNT_LIMIT}) AS waiting) AS unjudged,
  (SELECT extract(epoch FROM now() - min(head.received_at))::float8 FROM generate_series(0, {LANES - 1}) AS lane CROSS JOIN LATERAL (
     SELECT received_at FROM notices WHERE notices.lane = lane.lane AND verdict IS NULL ORDER BY id LIMIT 1) AS head) AS unjudged_seconds,
  (SELECT count(*) FROM (
     SELECT 1 FROM notices WHERE verdict = 'quarantined' AND dismissed_at IS NULL
     LIMIT {COUNT_LIMIT}) AS counted) AS quarantined,
  (SELECT count(*) FROM (
     SELECT 1 FROM notices WHERE verdict = 'conflict' AND dismissed_at IS NULL
     LIMIT {COUNT_LIMIT}) AS counted) AS conflicts,
  (SELECT count(*) FROM (
     SELECT 1 FROM outbound_webhooks WHERE state = 'dead' AND dismissed_at IS NULL LIMIT {COUNT_LIMIT}) AS counted) AS dead
""")  # noqa: S608 - only our own constants are put in

# What is owed is read in the words of the index of what is due.
SUBSCRIBERS = text(f"""
SELECT s.name, s.state, s.pause_reason, waiting.undelivered,
  extract(epoch FROM now() - waiting.oldest_at)::float8 AS oldest_seconds,
  CASE WHEN {FAILING} THEN s.failing_since END AS failing_since
FROM subscribers s CROSS JOIN LATERAL (
  SELECT count(*) AS undelivered, min(first.created_at) AS oldest_at FROM (
    SELECT w.created_at FROM outbound_webhooks w WHERE w.subscriber_id = s.id AND w.state = 'pending'
    ORDER BY least(w.attempts + w.excused, 1), w.due_at, w.id LIMIT {COUNT_LIMIT}) AS first) AS waiting
WHERE s.state <> 'removed' ORDER BY s.name
""")  # noqa: S608

_LATEST_NOTICES = text("""
SELECT id::text FROM notices
WHERE verdict IN ('quarantined', 'conflict') AND verdict = CAST(:verdict AS text) AND dismissed_at IS NULL ORDER BY id DESC LIMIT :limit
""")
_LATEST_DEAD = text(
    "SELECT id::text FROM outbound_webhooks WHERE state = 'dead' AND dismissed_at IS NULL ORDER BY id DESC LIMIT :limit"
)


@dataclass(frozen=True, slots=True)
class SubscriberSnapshot:
    """One subscriber: what it is owed (counted up to COUNT_LIMIT), the age of the oldest of that in seconds, and its health."""

    name: str
    state: str
    pause_reason: str | None
    undelivered: int
    oldest_seconds: float | None
    failing_since: datetime | None
    """When its failures began; None unless they last so long or are so many that it counts as failing."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How things stand at one moment of the database's clock. Counts end at COUNT_LIMIT; ages are seconds, None where nothing waits."""

    at: datetime
    last_call_at: datetime | None
    unjudged: int
    unjudged_seconds: float | None
    quarantined: int
    conflicts: int
    dead: int
    subscribers: tuple[SubscriberSnapshot, ...]


async def read_snapshot(session: AsyncSession) -> Snapshot:
    """How things stand now."""
    queues = (await session.execute(QUEUES)).mappings().one()
    rows = (await session.execute(SUBSCRIBERS)).mappings()
    return Snapshot(**queues, subscribers=tuple(SubscriberSnapshot(**row) for row in rows))


async def latest_notices(session: AsyncSession, verdict: str, limit: int) -> list[str]:
    """The ids of the latest notices of this verdict, quarantined or conflict, that nobody has dealt with."""
    return list(
        (await session.scalars(_LATEST_NOTICES, {"verdict": verdict, "limit": limit})).all()
    )


async def latest_dead(session: AsyncSession, limit: int) -> list[str]:
    """The ids of the latest outbound webhooks that were given up and that nobody has dealt with."""
    return list((await session.scalars(_LATEST_DEAD, {"limit": limit})).all())
