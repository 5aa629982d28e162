"""One order at a time: SQL that holds an order's later webhooks back and parks them.

A claim passes over a webhook while an earlier one of the same order holds it back. Every claim
would look at such a webhook again. Parking moves its due time to the moment at which the hold
ends, so claims no longer see it.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.forwarding.queue.due_bounds import (
    FIRST_ATTEMPT,
    FIRST_ATTEMPTS_FROM,
    NO_BOUNDS,
    OF_SUBSCRIBER,
    SCAN,
)

# The hold is counted from the first attempt. A webhook that only waited for a worker, for its rate
# limit or for the end of a pause is therefore not overtaken. A retry by hand restarts the count.
# The age comes first, because it saves most rows the look-up.
_FIRST_ATTEMPTED = """(
  SELECT max(a.started_at) FROM attempts a
  WHERE a.outbound_webhook_id = earlier.id AND a.number = 1)"""
_HOLDS_BACK = f"""(
  earlier.created_at > now() - CAST(:order_hold AS interval)
  OR earlier.attempts + earlier.excused = 0
  OR {_FIRST_ATTEMPTED} > now() - CAST(:order_hold AS interval))"""
_HOLDS_UNTIL = f"""CASE WHEN earlier.attempts + earlier.excused = 0 THEN earlier.due_at
  ELSE least(earlier.due_at, greatest(earlier.created_at, {_FIRST_ATTEMPTED})
    + CAST(:order_hold AS interval)) END"""
_EARLIER = """earlier.subscriber_id = w.subscriber_id AND earlier.order_no = w.order_no
  AND earlier.sequence < w.sequence AND earlier.state = 'pending'"""

IS_HELD_BACK = f"""(w.order_no IS NOT NULL AND (
  SELECT true FROM outbound_webhooks earlier
  WHERE {_EARLIER} AND {_HOLDS_BACK}
  ORDER BY earlier.sequence LIMIT 1) IS NOT NULL)"""  # noqa: S608 - only our own constants are put in
"""SQL condition that an earlier webhook of the order holds `w` back; parameter `order_hold`."""

# Parking reads the head of each subscriber's first attempts only: that is where a waiting row costs
# every claim a look-up. Capped subscribers have few claims, and there may be many of them with long
# backlogs, so each run looks at some of them.
PARK = text(f"""
WITH waiting AS MATERIALIZED (
  SELECT head.id, head.until FROM subscribers s {SCAN} CROSS JOIN LATERAL (
    SELECT w.id, (
      SELECT max(holding.until) FROM (
        SELECT {_HOLDS_UNTIL} AS until FROM outbound_webhooks earlier
        WHERE {_EARLIER} AND earlier.lease_token IS NULL
        ORDER BY earlier.sequence OFFSET 0
      ) holding
    ) AS until
    FROM outbound_webhooks w
    WHERE {OF_SUBSCRIBER} AND {FIRST_ATTEMPT}
      AND w.due_at >= {FIRST_ATTEMPTS_FROM} AND w.due_at <= now()
    ORDER BY w.due_at, w.id
    LIMIT :head
    FOR UPDATE OF w SKIP LOCKED
  ) head
  WHERE s.state = 'active' AND s.ordered AND head.until > now()
    AND (s.capped_at IS NULL OR s.id = ANY (ARRAY (
      SELECT id FROM subscribers WHERE state = 'active' AND capped_at IS NOT NULL
      ORDER BY random() LIMIT 20)))
)
UPDATE outbound_webhooks w SET due_at = waiting.until
FROM waiting WHERE w.id = ANY (ARRAY (SELECT id FROM waiting)) AND w.id = waiting.id
RETURNING w.id
""")  # noqa: S608 - only our own constants are put in


async def park(
    session: AsyncSession,
    *,
    order_hold: timedelta,
    head: int = 200,
    bounds: Mapping[str, Any] = NO_BOUNDS,
) -> int:
    """Move the due time of held-back webhooks to the retry that they wait for. Never commit.

    Look at the first `head` due webhooks of each subscriber, and return how many were parked.
    Recording the end of the earlier webhook makes them due immediately.
    """
    parameters = {"order_hold": order_hold, "head": head, **bounds}
    return len((await session.execute(PARK, parameters)).all())
