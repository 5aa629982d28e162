"""SQL that records the outcomes of many attempts in one statement, each only under its lease."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.db.driver.direct import Statements
from app.db.tables.webhooks import STILL_PENDING
from app.forwarding.outcome import OutcomeKind
from app.forwarding.subscribers.health import HEALTH, PAUSE_AFTER, HealthChange
from app.forwarding.subscribers.health_events import HEALTH_EVENTS

_PARKED = "w.lease_token IS NULL AND w.attempts + w.excused = 0 AND w.due_at > now()"

# `moved` is the fence: everything else follows from the rows that it returns. As in a claim,
# `= ANY` and `ORDER BY` are there for the plan: rows are looked up by their ids, and the rows of an
# order by the order, not by their due time.
# A webhook that waits for a settled one of its order becomes due immediately. It cannot be in
# `moved`, whose rows had a lease.
RECORD = text(f"""
WITH result AS (
  SELECT * FROM unnest(
    CAST(:ids AS bigint[]), CAST(:tokens AS uuid[]), CAST(:states AS text[]),
    CAST(:waits AS interval[]), CAST(:charged AS int[]), CAST(:ago AS interval[]),
    CAST(:duration_ms AS int[]), CAST(:outcomes AS text[]), CAST(:http_statuses AS int[]),
    CAST(:excerpts AS text[])
  ) WITH ORDINALITY AS r (
    id, token, state, wait, charged, ago, duration_ms, outcome, http_status, excerpt, place)
), moved AS (
  UPDATE outbound_webhooks w
  SET state = result.state, due_at = now() + coalesce(result.wait, interval '0'),
    lease_token = NULL, last_outcome = result.outcome,
    attempts = w.attempts + result.charged, excused = w.excused + 1 - result.charged,
    finished_at = CASE WHEN result.state = 'pending' THEN NULL ELSE now() END
  FROM result
  WHERE w.id = ANY (CAST(:ids AS bigint[])) AND w.id = result.id
    AND w.lease_token = result.token AND {STILL_PENDING}
  RETURNING w.id, w.event_id, w.subscriber_id, w.order_no, w.sequence, w.created_at,
    w.attempts + w.excused AS number, result.state AS new_state, result.ago, result.duration_ms,
    result.outcome, result.http_status, result.excerpt, result.place
), attempted AS (
  INSERT INTO attempts (
    outbound_webhook_id, number, started_at, duration_ms, outcome, http_status, excerpt)
  SELECT id, number, now() - ago, duration_ms, outcome, http_status, excerpt FROM moved
), unparked AS (
  UPDATE outbound_webhooks w SET due_at = now()
  WHERE w.id = ANY (ARRAY (
    SELECT parked.id FROM (
      SELECT DISTINCT subscriber_id, order_no FROM moved
      WHERE new_state <> 'pending' AND order_no IS NOT NULL
    ) settled CROSS JOIN LATERAL (
      SELECT w.id FROM outbound_webhooks w
      WHERE w.subscriber_id = settled.subscriber_id AND w.order_no = settled.order_no
        AND w.state = 'pending' AND {_PARKED}
      ORDER BY w.sequence OFFSET 0
    ) parked
  )) AND {STILL_PENDING} AND {_PARKED}
), {HEALTH}, {HEALTH_EVENTS}
SELECT moved.id, changed.event_type, changed.id AS subscriber_id, changed.name, changed.reason,
  changed.failures, EXISTS (SELECT 1 FROM enqueued) AS has_health_events,
  moved.new_state <> 'pending' AND moved.order_no IS NOT NULL AND (
    SELECT true FROM outbound_webhooks w
    WHERE w.subscriber_id = moved.subscriber_id AND w.order_no = moved.order_no
      AND w.sequence > moved.sequence AND w.state = 'pending'
    ORDER BY w.sequence LIMIT 1) IS NOT NULL AS has_successor
FROM moved
LEFT JOIN changed ON changed.id = moved.subscriber_id AND changed.event_type IS NOT NULL
""")  # noqa: S608 - only our own constants are put in


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """Changes that one attempt makes to its webhook.

    `wait` is the time until the next attempt, or None when there is none and `state` is final.
    `started` is the beginning of the attempt by `time.monotonic`; the row gets the time of the
    database's clock. Recording an `unhurried` one may wait a little, to share a commit.
    """

    webhook_id: int
    lease_token: UUID
    state: str
    wait: timedelta | None
    charged: bool
    started: float
    duration_ms: int
    outcome: OutcomeKind
    http_status: int | None
    excerpt: str | None
    unhurried: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """Effects of one recording.

    `webhook_ids` are the webhooks that took their result, `changes` those of subscribers' health.
    `has_successor` is whether a later webhook waited for one of them, `has_health_events` whether
    other subscribers get an event about it.
    """

    webhook_ids: frozenset[int]
    changes: frozenset[HealthChange] = frozenset()
    has_successor: bool = False
    has_health_events: bool = False


async def record(
    session: Statements, results: Sequence[AttemptResult], *, pause_after: timedelta = PAUSE_AFTER
) -> Recorded:
    """Record each result whose lease is still held, in the order given. Never commit.

    Results without a lease change nothing. A `410 Gone`, or failing for `pause_after`, pauses the
    subscriber.
    """
    rows = (await session.execute(RECORD, parameters_of(results, pause_after))).all()
    changes = [
        HealthChange(row.subscriber_id, row.name, row.event_type, row.reason, row.failures)
        for row in rows
        if row.event_type is not None
    ]
    return Recorded(
        frozenset(row.id for row in rows),
        frozenset(changes),
        any(row.has_successor for row in rows),
        any(row.has_health_events for row in rows),
    )


def parameters_of(
    results: Sequence[AttemptResult], pause_after: timedelta = PAUSE_AFTER
) -> dict[str, Any]:
    """Return the parameters of RECORD for these results."""
    recording = monotonic()
    return {
        "ids": [result.webhook_id for result in results],
        "tokens": [result.lease_token for result in results],
        "states": [result.state for result in results],
        "waits": [result.wait for result in results],
        "charged": [int(result.charged) for result in results],
        "ago": [timedelta(seconds=recording - result.started) for result in results],
        "duration_ms": [result.duration_ms for result in results],
        "outcomes": [result.outcome.value for result in results],
        "http_statuses": [result.http_status for result in results],
        "excerpts": [result.excerpt for result in results],
        "pause_after": pause_after,
    }
