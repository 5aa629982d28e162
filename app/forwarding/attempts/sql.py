"""The SQL of recording: the outcomes of many attempts in one statement, each of which counts only while its lease is held."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.forwarding.outcome import OutcomeKind
from app.forwarding.queue.claims import STILL_PENDING
from app.forwarding.subscribers.health import HEALTH, PAUSE_AFTER, HealthChange
from app.forwarding.subscribers.health_events import SIGNALS

_PARKED = "w.lease_token IS NULL AND w.attempts + w.excused = 0 AND w.due_at > now()"

# `moved` is the fence: everything else here follows from the rows it returns. As in the claim, `= ANY` and `ORDER BY` are there for the
# plan: the rows are looked up by their ids, and those of an order by the order, not by their due time.
# A webhook that waits for a settled one of its order is made due at once; it cannot be in `moved`, whose rows had a lease.
RECORD = text(f"""
WITH result AS (
  SELECT * FROM unnest(
    CAST(:ids AS bigint[]), CAST(:tokens AS uuid[]), CAST(:states AS text[]), CAST(:waits AS interval[]), CAST(:charged AS int[]),
    CAST(:ago AS interval[]), CAST(:duration_ms AS int[]), CAST(:outcomes AS text[]), CAST(:http_statuses AS int[]),
    CAST(:excerpts AS text[])
  ) WITH ORDINALITY AS r (id, token, state, wait, charged, ago, duration_ms, outcome, http_status, excerpt, place)
), moved AS (
  UPDATE outbound_webhooks w
  SET state = result.state, due_at = now() + coalesce(result.wait, interval '0'), lease_token = NULL, last_outcome = result.outcome,
    attempts = w.attempts + result.charged, excused = w.excused + 1 - result.charged,
    finished_at = CASE WHEN result.state = 'pending' THEN NULL ELSE now() END
  FROM result
  WHERE w.id = ANY (CAST(:ids AS bigint[])) AND w.id = result.id AND w.lease_token = result.token AND {STILL_PENDING}
  RETURNING w.id, w.event_id, w.subscriber_id, w.order_no, w.sequence, w.created_at, w.attempts + w.excused AS number,
    result.state AS new_state, result.ago, result.duration_ms, result.outcome, result.http_status, result.excerpt, result.place
), attempted AS (
  INSERT INTO attempts (outbound_webhook_id, number, started_at, duration_ms, outcome, http_status, excerpt)
  SELECT id, number, now() - ago, duration_ms, outcome, http_status, excerpt FROM moved
), unparked AS (
  UPDATE outbound_webhooks w SET due_at = now()
  WHERE w.id = ANY (ARRAY (
    SELECT parked.id FROM (
      SELECT DISTINCT subscriber_id, order_no FROM moved WHERE new_state <> 'pending' AND order_no IS NOT NULL
    ) settled CROSS JOIN LATERAL (
      SELECT w.id FROM outbound_webhooks w
      WHERE w.subscriber_id = settled.subscriber_id AND w.order_no = settled.order_no AND w.state = 'pending' AND {_PARKED}
      ORDER BY w.sequence OFFSET 0
    ) parked
  )) AND {STILL_PENDING} AND {_PARKED}
), {HEALTH}, {SIGNALS}
SELECT moved.id, became.signal, became.id AS subscriber_id, became.name, became.reason, became.failures,
  EXISTS (SELECT 1 FROM owed) AS signalled, moved.new_state <> 'pending' AND moved.order_no IS NOT NULL AND (
    SELECT true FROM outbound_webhooks w
    WHERE w.subscriber_id = moved.subscriber_id AND w.order_no = moved.order_no AND w.sequence > moved.sequence
      AND w.state = 'pending' ORDER BY w.sequence LIMIT 1) IS NOT NULL AS awaited
FROM moved LEFT JOIN became ON became.id = moved.subscriber_id AND became.signal IS NOT NULL
""")  # noqa: S608 - only our own constants are put in


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """What one attempt changes: `wait` until the next one, or None where there is none and `state` is final.

    `started` is when the attempt began by `time.monotonic`; it is stored by the database's clock.
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


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a recording did.

    `webhook_ids` took their result. `changes` are of the subscribers' health. `awaited` is whether a later webhook waited for one of
    them, `signalled` whether other subscribers are owed news of this.
    """

    webhook_ids: frozenset[int]
    changes: frozenset[HealthChange] = frozenset()
    awaited: bool = False
    signalled: bool = False


async def record(
    session: AsyncSession, results: Sequence[AttemptResult], *, pause_after: timedelta = PAUSE_AFTER
) -> Recorded:
    """Record each result whose lease is still held, in the order given; the others change nothing. Never commits.

    A `410 Gone`, or failing for `pause_after`, pauses the subscriber.
    """
    rows = (await session.execute(RECORD, parameters_of(results, pause_after))).all()
    changes = [
        HealthChange(row.subscriber_id, row.name, row.signal, row.reason, row.failures)
        for row in rows
        if row.signal is not None
    ]
    return Recorded(
        frozenset(row.id for row in rows),
        frozenset(changes),
        any(row.awaited for row in rows),
        any(row.signalled for row in rows),
    )


def parameters_of(
    results: Sequence[AttemptResult], pause_after: timedelta = PAUSE_AFTER
) -> dict[str, Any]:
    """What the statement has to know of each result."""
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
