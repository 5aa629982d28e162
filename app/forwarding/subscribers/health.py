"""Subscriber health computed from recorded attempts, as CTEs of the recording's SQL."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.events.types import EventType
from app.forwarding.outcome import OutcomeKind

PAUSE_AFTER = timedelta(days=5)
FAILING_AFTER = timedelta(minutes=10)
FAILURES_IN_A_ROW = 10
"""A subscriber is failing after FAILING_AFTER, or after this many failures without a success."""
SLOW_FAILURE = timedelta(seconds=1)
"""A failure that takes longer caps the subscriber, because it holds its slot for so long.
FAILURES_IN_A_ROW caps it too."""

GONE_REASON = "gone"
"""The pause_reason of a subscriber that answered 410."""
FAILING_REASON = "failing"
"""The pause_reason of a subscriber that failed for too long."""
OPERATOR_REASON = "operator"
"""The pause_reason of a subscriber that an operator paused without giving one."""

_TOOK_LONG = f"duration_ms > {SLOW_FAILURE // timedelta(milliseconds=1)}"
_FAILED_TOO_LONG = "since_now <= now() - CAST(:pause_after AS interval)"
_FAILING = f"""(failures_now >= {FAILURES_IN_A_ROW}
        OR since_now <= now() - interval '{FAILING_AFTER.total_seconds()} s')"""
_IS_PAUSED = f"event_type = '{EventType.SUBSCRIBER_PAUSED}'"

# A failure on our own side tells nothing about a subscriber, except how long it holds a slot
# (`held`). A success that changes nothing is stored every ten seconds only, so that a busy
# subscriber's row is not written with each batch. All rows are locked in one order, so two workers
# cannot block each other.
HEALTH = f"""
tally AS (
  SELECT subscriber_id, bool_or(outcome = '{OutcomeKind.DELIVERED}') AS succeeded,
    bool_or(outcome = '{OutcomeKind.GONE}') AS gone,
    count(*) FILTER (
      WHERE outcome <> '{OutcomeKind.DELIVERED}' AND place > last_success) AS failed,
    max(outcome) FILTER (WHERE place = latest) AS latest_outcome,
    bool_or(
      place = latest AND (outcome = '{OutcomeKind.TIMEOUT}' OR {_TOOK_LONG})) AS slow
  FROM (
    SELECT subscriber_id, outcome, duration_ms, place, max(place) OVER subscriber AS latest,
      coalesce(max(place) FILTER (WHERE outcome = '{OutcomeKind.DELIVERED}') OVER subscriber, 0)
        AS last_success
    FROM moved WHERE outcome <> '{OutcomeKind.OWN_SIDE}'
    WINDOW subscriber AS (PARTITION BY subscriber_id)
  ) AS counting
  GROUP BY subscriber_id
), before AS (
  SELECT s.id, s.name, s.state = 'active' AS active, s.failures, s.failing_since, s.failure_told,
    tally.succeeded, tally.gone, tally.failed, tally.latest_outcome, tally.slow
  FROM tally JOIN subscribers s ON s.id = tally.subscriber_id
  WHERE tally.failed > 0 OR s.failures > 0 OR s.failure_told OR s.capped_at IS NOT NULL
    OR coalesce(s.last_success_at < now() - interval '10 s', true)
  ORDER BY s.id FOR NO KEY UPDATE OF s
), counted AS (
  SELECT before.*, failed + CASE WHEN succeeded THEN 0 ELSE failures END AS failures_now,
    CASE WHEN failed > 0 THEN coalesce(CASE WHEN NOT succeeded THEN failing_since END, now()) END
      AS since_now
  FROM before
), changed AS MATERIALIZED (
  SELECT id, name, succeeded, slow, failures_now AS failures, since_now AS failing_since,
    coalesce(since_now, failing_since) AS since,
    CASE
      WHEN active AND gone THEN '{GONE_REASON}'
      WHEN active AND {_FAILED_TOO_LONG} THEN '{FAILING_REASON}'
      WHEN failed > 0 THEN latest_outcome
    END AS reason,
    CASE
      WHEN active AND (gone OR {_FAILED_TOO_LONG}) THEN '{EventType.SUBSCRIBER_PAUSED}'
      WHEN NOT failure_told AND {_FAILING} THEN '{EventType.SUBSCRIBER_FAILING}'
      WHEN failure_told AND active AND failed = 0 THEN '{EventType.SUBSCRIBER_RECOVERED}'
    END AS event_type
  FROM counted
), kept AS (
  UPDATE subscribers s
  SET failures = changed.failures, failing_since = changed.failing_since,
    failure_told = CASE WHEN event_type IS NULL THEN s.failure_told
      ELSE event_type <> '{EventType.SUBSCRIBER_RECOVERED}' END,
    capped_at = CASE WHEN changed.failures > 0
      AND (slow OR changed.failures >= {FAILURES_IN_A_ROW}) THEN now() END,
    last_success_at = CASE WHEN succeeded THEN now() ELSE s.last_success_at END,
    state = CASE WHEN {_IS_PAUSED} THEN 'paused' ELSE s.state END,
    pause_reason = CASE WHEN {_IS_PAUSED} THEN reason ELSE s.pause_reason END,
    updated_at = CASE WHEN {_IS_PAUSED} THEN now() ELSE s.updated_at END
  FROM changed WHERE s.id = changed.id
), held AS (
  UPDATE subscribers s SET capped_at = now() FROM (
    SELECT s.id FROM subscribers s JOIN (
      SELECT subscriber_id FROM moved
      GROUP BY subscriber_id
      HAVING bool_and(outcome = '{OutcomeKind.OWN_SIDE}') AND bool_or({_TOOK_LONG})
    ) AS own ON own.subscriber_id = s.id
    ORDER BY s.id FOR NO KEY UPDATE OF s
  ) AS holding WHERE s.id = holding.id
)"""  # noqa: S608 - only our own constants are put in


@dataclass(frozen=True, slots=True)
class HealthChange:
    """Change of a subscriber's health.

    `event_type` is `subscriber.failing`, `.paused` or `.recovered`; `failures` counts the failures
    in a row.
    """

    subscriber_id: UUID
    name: str
    event_type: str
    reason: str | None
    failures: int
