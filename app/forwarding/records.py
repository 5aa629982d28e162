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

GONE_REASON = "gone"
"""The pause_reason of a subscriber that answered 410."""

# `moved` is the fence: everything else here follows from the rows it returns. As in the claim, `= ANY` and `IS TRUE` are there for the
# plan: the rows are looked up by their ids, and those of an order by the order, not by their due time.
# A webhook that waits for a settled one of its order is made due at once; it cannot be in `moved`, whose rows had a lease.
RECORD = text("""
WITH result AS (
  SELECT * FROM unnest(
    CAST(:ids AS bigint[]), CAST(:tokens AS uuid[]), CAST(:states AS text[]), CAST(:waits AS interval[]), CAST(:charged AS int[]),
    CAST(:ago AS interval[]), CAST(:duration_ms AS int[]), CAST(:outcomes AS text[]), CAST(:http_statuses AS int[]),
    CAST(:excerpts AS text[])
  ) AS r (id, token, state, wait, charged, ago, duration_ms, outcome, http_status, excerpt)
), moved AS (
  UPDATE outbound_webhooks w
  SET state = result.state, due_at = now() + coalesce(result.wait, interval '0'), lease_token = NULL, last_outcome = result.outcome,
    attempts = w.attempts + result.charged, excused = w.excused + 1 - result.charged,
    finished_at = CASE WHEN result.state = 'pending' THEN NULL ELSE now() END
  FROM result
  WHERE w.id = ANY (CAST(:ids AS bigint[])) AND w.id = result.id AND w.lease_token = result.token AND w.state = 'pending'
  RETURNING w.id, w.subscriber_id, w.order_no, w.sequence, w.attempts + w.excused AS number, result.state AS new_state, result.ago,
    result.duration_ms, result.outcome, result.http_status, result.excerpt
), attempted AS (
  INSERT INTO attempts (outbound_webhook_id, number, started_at, duration_ms, outcome, http_status, excerpt)
  SELECT id, number, now() - ago, duration_ms, outcome, http_status, excerpt FROM moved
), unparked AS (
  UPDATE outbound_webhooks w SET due_at = now()
  FROM (SELECT DISTINCT subscriber_id, order_no FROM moved WHERE new_state <> 'pending' AND order_no IS NOT NULL) settled
  WHERE w.subscriber_id = settled.subscriber_id AND w.order_no = settled.order_no AND w.state = 'pending'
    AND w.lease_token IS NULL AND w.attempts + w.excused = 0 AND (w.due_at > now()) IS TRUE
), paused AS (
  UPDATE subscribers s SET state = 'paused', pause_reason = CAST(:gone_reason AS text), updated_at = now()
  WHERE s.state = 'active' AND s.id IN (SELECT subscriber_id FROM moved WHERE outcome = :gone)
  RETURNING s.id
)
SELECT moved.id, paused.id AS paused_id, moved.new_state <> 'pending' AND moved.order_no IS NOT NULL AND EXISTS (
    SELECT 1 FROM outbound_webhooks w
    WHERE w.subscriber_id = moved.subscriber_id AND w.order_no = moved.order_no AND w.sequence > moved.sequence
      AND w.state = 'pending') AS awaited
FROM moved LEFT JOIN paused ON paused.id = moved.subscriber_id
""")


@dataclass(frozen=True, slots=True)
class Result:
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
    """What a recording did: the webhooks that took their result, the subscribers it paused, and whether a later webhook waited for it."""

    webhook_ids: frozenset[int]
    paused: frozenset[UUID]
    awaited: bool


async def record(session: AsyncSession, results: Sequence[Result]) -> Recorded:
    """Record each result whose lease is still held; the others change nothing. A `410 Gone` pauses its subscriber. Never commits."""
    rows = (await session.execute(RECORD, parameters_of(results))).all()
    paused = frozenset(row.paused_id for row in rows if row.paused_id is not None)
    return Recorded(frozenset(row.id for row in rows), paused, any(row.awaited for row in rows))


def parameters_of(results: Sequence[Result]) -> dict[str, Any]:
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
        "gone_reason": GONE_REASON,
        "gone": OutcomeKind.GONE.value,
    }
