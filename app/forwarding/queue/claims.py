"""Claims: SQL that leases due webhooks to a worker. All times are the database's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.engine import RowMapping

from app.db.driver.direct import Statements
from app.db.tables.webhooks import STILL_PENDING
from app.forwarding.queue.array_lookup import array_parameter, array_text, look_up
from app.forwarding.queue.due_bounds import (
    FIRST_ATTEMPT,
    FIRST_ATTEMPTS_FROM,
    NO_BOUNDS,
    OF_SUBSCRIBER,
    RETRIES_FROM,
    RETRY,
    SCAN,
)
from app.forwarding.queue.order_sequence import IS_HELD_BACK
from app.forwarding.webhook import ClaimedWebhook, DeliveryTarget

_FAILING_PENALTY = "CASE WHEN s.failures > 0 THEN 4 ELSE 0 END"
_REQUESTED = "(s.capped_at IS NOT NULL) = CAST(:capped AS boolean)"
_RATE = """least(s.rate_limit,
  CASE WHEN s.resumed_at IS NOT NULL THEN CAST(:resume_rate AS int) END)"""

_BUSY = look_up(
    "busy",
    array_parameter("busy_ids", "uuid"),
    in_flight=array_parameter("in_flight", "int"),
    retries=array_parameter("retries", "int"),
    allowed=array_parameter("allowed", "int"),
    ahead=array_parameter("ahead", "int"),
)
WEBHOOK_COLUMNS = """e.type, e.created_at, s.url, s.timeout_ms, s.max_in_flight,
  s.sealed_transport, CAST(e.data AS text) AS data,
  CASE WHEN s.customer THEN CAST(e.customer AS text) END AS customer,
  ARRAY (
    SELECT x.sealed FROM subscriber_secrets x
    WHERE x.subscriber_id = s.id AND (x.expires_at IS NULL OR x.expires_at > now())
    ORDER BY x.created_at DESC, x.id DESC
  ) AS sealed"""
"""SQL columns that are needed to send event `e` to subscriber `s`."""
_RATE_LIMITED = look_up("rate_limited", "buckets.ids", allowance="buckets.allowances")


def _due_before(moment: str, attempted: str, start: str = "to_timestamp(0)") -> str:
    """Return the condition that subscriber `s` has a webhook due from `start` to `moment`."""
    return f"""(SELECT true FROM outbound_webhooks w
    WHERE {OF_SUBSCRIBER} AND {attempted} AND w.due_at >= {start} AND w.due_at <= {moment}
    ORDER BY w.due_at LIMIT 1) IS NOT NULL"""  # noqa: S608


def _due_of_each(attempted: str, limit: str, bound: str) -> str:
    """Return the SQL of the oldest due webhooks, at most `limit` of each available subscriber."""
    return f"""
  SELECT available.rank, available.free, available.id AS subscriber_id, found.id, found.due_at
  FROM available CROSS JOIN LATERAL (
    SELECT w.id, w.due_at FROM outbound_webhooks w
    WHERE w.subscriber_id = available.id AND w.state = 'pending' AND {attempted}
      AND w.due_at >= {bound} AND w.due_at <= now()
      AND NOT (available.ordered AND {IS_HELD_BACK})
    ORDER BY w.due_at, w.id
    LIMIT greatest({limit}, 0)
    FOR UPDATE OF w SKIP LOCKED
  ) found"""  # noqa: S608 - only our own constants are put in


# Each part is written for one plan, an index scan of a few rows per subscriber, whatever the
# statistics say:
# - `rate_limited` holds the subscribers with a rate: a token bucket in their row, filled at `rate`
#   a second and a quarter of a second deep. A worker that cannot lock the row passes over the
#   subscriber, because another worker has it.
# - Subscribers with the fewest webhooks in flight come first, so they get the limit when there is
#   more work than :limit. A subscriber whose last attempt failed ranks as if four more were in
#   flight: quick, frequent failures come behind successes.
# - Capped subscribers have claims of their own, for at most one webhook each, the one attempted
#   longest ago first. Other claims do not look at them.
# - First attempts and retries come from their own parts of the index and share the limit by age. A
#   quarter is kept for first attempts, so a flood of retries cannot delay new events.
# - `= ANY (ARRAY (…))` makes the update look up each id; as a join it could read the table.
# - least() ignores NULL.
# A claimed webhook stays pending, with due_at at the end of its lease. The webhooks of a lost
# worker therefore become due again by themselves.
CLAIM = text(f"""
WITH rate_limited AS MATERIALIZED (
  SELECT s.id, least(bucket.depth, s.allowance + bucket.since * bucket.rate) AS allowance
  FROM subscribers s {SCAN} CROSS JOIN LATERAL (
    SELECT pace.rate, greatest(pace.rate / 4.0, 1) AS depth,
      greatest(coalesce(extract(epoch FROM now() - s.allowance_at), 3600), 0) AS since
    FROM (SELECT {_RATE} AS rate) AS pace
  ) AS bucket
  WHERE s.state = 'active' AND {_REQUESTED} AND bucket.rate IS NOT NULL
    AND s.allowance + bucket.since * bucket.rate >= 1
    AND ({_due_before("now()", FIRST_ATTEMPT, FIRST_ATTEMPTS_FROM)}
      OR {_due_before("now()", RETRY, RETRIES_FROM)})
  FOR NO KEY UPDATE OF s SKIP LOCKED
), buckets AS MATERIALIZED (
  SELECT array_agg(id ORDER BY id) AS ids, array_agg(allowance ORDER BY id) AS allowances
  FROM rate_limited
), available AS MATERIALIZED (
  SELECT s.id, s.ordered,
    row_number() OVER (
      ORDER BY s.capped_at, coalesce(busy.in_flight, 0) + {_FAILING_PENALTY}, random()) AS rank,
    least(bound.allowed - coalesce(busy.in_flight, 0),
      CASE WHEN s.rate_limit IS NOT NULL OR s.resumed_at IS NOT NULL
        THEN CAST(coalesce(floor(rate_limited.allowance), 0) AS int) END) AS free,
    greatest(bound.allowed * 3 / 4, 1) - coalesce(busy.retries, 0) AS free_retries,
    {FIRST_ATTEMPTS_FROM} AS first_attempts_from, {RETRIES_FROM} AS retries_from
  FROM subscribers s CROSS JOIN buckets
  {_RATE_LIMITED}
  {_BUSY}
  {SCAN}
  CROSS JOIN LATERAL (
    SELECT least(s.max_in_flight + coalesce(busy.ahead, 0), busy.allowed,
      CASE WHEN CAST(:capped AS boolean) THEN 1 END,
      CASE WHEN s.failures > 0 OR s.last_success_at IS NULL
        THEN CAST(:unproven_limit AS int) END) AS allowed
  ) AS bound
  WHERE s.state = 'active' AND {_REQUESTED}
  ORDER BY rank
), first_attempts AS MATERIALIZED (
  {_due_of_each(FIRST_ATTEMPT, "available.free", "available.first_attempts_from")}
  LIMIT :limit
), retries AS MATERIALIZED (
  {_due_of_each(RETRY, "least(available.free, available.free_retries)", "available.retries_from")}
  LIMIT :retry_limit
), due AS MATERIALIZED (
  SELECT id, subscriber_id FROM (
    SELECT found.*, row_number() OVER (PARTITION BY rank ORDER BY due_at, id) AS place
    FROM (SELECT * FROM first_attempts UNION ALL SELECT * FROM retries) AS found
  ) AS ranked
  WHERE place <= free ORDER BY rank, place LIMIT :limit
), spent AS (
  UPDATE subscribers s
  SET allowance = spending.allowance - spending.webhooks, allowance_at = now()
  FROM (
    SELECT s.id, s.webhooks, rate_limited.allowance
    FROM (SELECT subscriber_id AS id, count(*) AS webhooks FROM due GROUP BY subscriber_id) AS s
    CROSS JOIN buckets {_RATE_LIMITED}
    WHERE rate_limited.allowance IS NOT NULL
  ) AS spending
  WHERE s.id = spending.id
)
UPDATE outbound_webhooks w
SET lease_token = :token, due_at = now() + CAST(:lease AS interval)
FROM subscribers s, events e
WHERE w.id = ANY (ARRAY (SELECT id FROM due)) AND {STILL_PENDING}
  AND s.id = w.subscriber_id AND e.id = w.event_id
RETURNING w.id, clock_timestamp() AS claimed_at, w.attempts, w.excused, w.event_id, w.subscriber_id,
  s.capped_at IS NOT NULL AS capped, {_RATE} AS rate, {WEBHOOK_COLUMNS}
""")  # noqa: S608 - only our own constants are put in

# The slow release of a backlog ends when nothing is due that was due before the release began.
UNWIND = text(f"""
UPDATE subscribers s SET resumed_at = NULL
WHERE s.resumed_at IS NOT NULL AND s.state = 'active'
  AND NOT {_due_before("s.resumed_at", FIRST_ATTEMPT)}
  AND NOT {_due_before("s.resumed_at", RETRY)}
RETURNING s.id
""")  # noqa: S608 - only our own constants are put in


@dataclass(frozen=True, slots=True)
class Busy:
    """Limits of one subscriber in this process, as a claim needs them.

    `allowed` is how many webhooks may be in flight, `retries` how many of those in flight are
    retries, and `ahead` how many may be claimed beyond the subscriber's `max_in_flight`.
    """

    subscriber_id: UUID
    in_flight: int
    allowed: int
    retries: int = 0
    ahead: int = 0


async def claim(
    session: Statements,
    *,
    limit: int,
    busy: Sequence[Busy],
    lease: timedelta,
    order_hold: timedelta,
    retry_limit: int | None = None,
    resume_rate: int = 20,
    capped: bool = False,
    unproven_limit: int | None = None,
    bounds: Mapping[str, Any] = NO_BOUNDS,
) -> list[ClaimedWebhook]:
    """Claim at most `limit` due webhooks of active subscribers for `lease`. Never commit.

    - At most `retry_limit` of them are retries.
    - A subscriber gets at most `max_in_flight` and `ahead`, less what is in flight by `busy`.
    - A subscriber gets no more a second than its rate limit, or than `resume_rate` while its
      backlog is released slowly.
    - A webhook waits while an earlier one of its order is pending that was not attempted yet, or
      for the first time less than `order_hold` ago. Subscribers may opt out of this.
    - With `capped`, only capped subscribers get webhooks, one each; without, only the others.
    - A subscriber that failed last, or never took a webhook, gets at most `unproven_limit`.
    - Webhooks due before their subscriber's bound in `bounds` (`DueBounds.parameters`) are not
      seen.
    """
    token = uuid4()
    busy = sorted(busy, key=lambda entry: entry.subscriber_id)
    parameters = {
        "limit": limit,
        "retry_limit": limit if retry_limit is None else max(retry_limit, 0),
        "busy_ids": array_text(entry.subscriber_id for entry in busy),
        "in_flight": array_text(entry.in_flight for entry in busy),
        "retries": array_text(entry.retries for entry in busy),
        "allowed": array_text(entry.allowed for entry in busy),
        "ahead": array_text(entry.ahead for entry in busy),
        "token": token,
        "lease": lease,
        "order_hold": order_hold,
        "resume_rate": resume_rate,
        "capped": capped,
        "unproven_limit": unproven_limit,
        **bounds,
    }
    rows = (await session.execute(CLAIM, parameters)).mappings().all()
    targets: dict[UUID, DeliveryTarget] = {}
    return sorted((webhook_of(row, token, targets) for row in rows), key=lambda webhook: webhook.id)


async def unwind(session: Statements) -> int:
    """End the slow release of backlogs that are gone. Return how many ended. Never commit."""
    return len((await session.execute(UNWIND)).all())


def webhook_of(row: RowMapping, token: UUID, targets: dict[UUID, DeliveryTarget]) -> ClaimedWebhook:
    """Return the webhook of a row that was leased under `token`. Rows share their `targets`."""
    target = targets.get(row["subscriber_id"])
    if target is None:
        target = targets[row["subscriber_id"]] = DeliveryTarget(
            subscriber_id=row["subscriber_id"],
            url=row["url"],
            timeout_s=None if row["timeout_ms"] is None else row["timeout_ms"] / 1000,
            max_in_flight=row["max_in_flight"],
            sealed=tuple(row["sealed"]),
            sealed_transport=row["sealed_transport"],
            rate=row["rate"],
            capped=row["capped"],
        )
    return ClaimedWebhook(
        id=row["id"],
        lease_token=token,
        attempts=row["attempts"],
        excused=row["excused"],
        event_id=row["event_id"],
        event_type=row["type"],
        created_at=row["created_at"],
        data=row["data"],
        customer=row["customer"],
        claimed_at=row["claimed_at"],
        target=target,
    )
