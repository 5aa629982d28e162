"""The SQL of delivery: claim what is due, give claims back, and keep waiting rows out of the way. All times are the database's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from app.forwarding.webhook import OutboundWebhook, Target

# Each part of the claim is written for one plan, an index scan of a few rows per subscriber, whatever the statistics say:
# - the subscribers with the least under way come first, so that :room goes to them when there is more work than room;
# - `= ANY (ARRAY (…))` makes the update look up each id; as a join it could read the table.
# A claimed webhook stays pending, with due_at at the end of its lease: what a lost worker held comes due again by itself.
CLAIM = text("""
WITH roomy AS MATERIALIZED (
  SELECT s.id, s.ordered, least(s.max_in_flight, coalesce(busy.most, s.max_in_flight)) - coalesce(busy.in_flight, 0) AS room
  FROM subscribers s
  LEFT JOIN unnest(CAST(:busy_ids AS uuid[]), CAST(:in_flight AS int[]), CAST(:most AS int[])) AS busy (id, in_flight, most)
    ON busy.id = s.id
  WHERE s.state = 'active'
  ORDER BY coalesce(busy.in_flight, 0), random()
), due AS MATERIALIZED (
  SELECT found.id FROM roomy CROSS JOIN LATERAL (
    SELECT w.id FROM outbound_webhooks w
    WHERE w.subscriber_id = roomy.id AND w.state = 'pending' AND w.due_at <= now()
      AND NOT (roomy.ordered AND w.order_no IS NOT NULL AND EXISTS (
        SELECT 1 FROM outbound_webhooks earlier
        WHERE earlier.subscriber_id = w.subscriber_id AND earlier.order_no = w.order_no AND earlier.sequence < w.sequence
          AND earlier.state = 'pending' AND earlier.created_at > now() - CAST(:order_hold AS interval)))
    ORDER BY w.due_at, w.id
    LIMIT greatest(roomy.room, 0)
    FOR UPDATE OF w SKIP LOCKED
  ) found
  LIMIT :room
)
UPDATE outbound_webhooks w
SET lease_token = :token, due_at = now() + CAST(:lease AS interval)
FROM subscribers s, events e
WHERE w.id = ANY (ARRAY (SELECT id FROM due)) AND w.state = 'pending' AND s.id = w.subscriber_id AND e.id = w.event_id
RETURNING w.id, w.attempts, w.excused, w.event_id, w.subscriber_id, e.type, e.created_at, s.url, s.timeout_ms, s.max_in_flight,
  s.sealed_transport,
  CAST(e.data AS text) AS data, CASE WHEN s.customer THEN CAST(e.customer AS text) END AS customer,
  ARRAY (
    SELECT x.sealed FROM subscriber_secrets x
    WHERE x.subscriber_id = s.id AND (x.expires_at IS NULL OR x.expires_at > now()) ORDER BY x.created_at DESC, x.id DESC
  ) AS sealed
""")

RENEW = text("""
UPDATE outbound_webhooks w SET due_at = now() + CAST(:lease AS interval)
FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS uuid[])) AS held (id, token)
WHERE w.id = ANY (CAST(:ids AS bigint[])) AND w.id = held.id AND w.lease_token = held.token AND w.state = 'pending'
RETURNING w.id
""")

RELEASE = text("""
UPDATE outbound_webhooks w SET lease_token = NULL, due_at = now()
FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS uuid[])) AS held (id, token)
WHERE w.id = ANY (CAST(:ids AS bigint[])) AND w.id = held.id AND w.lease_token = held.token AND w.state = 'pending'
RETURNING w.id
""")

# Only the head of each queue is looked at: that is where a waiting row costs every claim a look-up.
PARK = text("""
WITH waiting AS MATERIALIZED (
  SELECT head.id, head.until FROM subscribers s CROSS JOIN LATERAL (
    SELECT w.id, (
      SELECT max(least(earlier.due_at, earlier.created_at + CAST(:order_hold AS interval))) FROM outbound_webhooks earlier
      WHERE earlier.subscriber_id = w.subscriber_id AND earlier.order_no = w.order_no AND earlier.sequence < w.sequence
        AND earlier.state = 'pending' AND earlier.lease_token IS NULL
    ) AS until
    FROM outbound_webhooks w
    WHERE w.subscriber_id = s.id AND w.state = 'pending' AND w.due_at <= now()
    ORDER BY w.due_at, w.id
    LIMIT :head
    FOR UPDATE OF w SKIP LOCKED
  ) head
  WHERE s.state = 'active' AND s.ordered AND head.until > now()
)
UPDATE outbound_webhooks w SET due_at = waiting.until
FROM waiting WHERE w.id = ANY (ARRAY (SELECT id FROM waiting)) AND w.id = waiting.id
RETURNING w.id
""")


@dataclass(frozen=True, slots=True)
class Busy:
    """A subscriber with webhooks under way: how many, and how many it may have at most."""

    subscriber_id: UUID
    in_flight: int
    most: int


async def claim(
    session: AsyncSession, *, room: int, busy: Sequence[Busy], lease: timedelta, order_hold: timedelta
) -> list[OutboundWebhook]:
    """Take at most `room` due webhooks of active subscribers; others leave them alone for the time of `lease`.

    A subscriber gets no more than its `max_in_flight` less what `busy` says. A webhook waits while an earlier one of the same order is
    pending for the same subscriber and younger than `order_hold`, unless the subscriber wants no order. Never commits.
    """
    token = uuid4()
    parameters = {
        "room": room,
        "busy_ids": [entry.subscriber_id for entry in busy],
        "in_flight": [entry.in_flight for entry in busy],
        "most": [entry.most for entry in busy],
        "token": token,
        "lease": lease,
        "order_hold": order_hold,
    }
    rows = (await session.execute(CLAIM, parameters)).mappings().all()
    targets: dict[UUID, Target] = {}
    return sorted((_webhook(row, token, targets) for row in rows), key=lambda webhook: webhook.id)


async def renew(session: AsyncSession, webhooks: Sequence[OutboundWebhook], *, lease: timedelta) -> int:
    """Hold claims for another `lease` from now; return how many were still held. Never commits."""
    return len((await session.execute(RENEW, {**_held(webhooks), "lease": lease})).all())


async def release(session: AsyncSession, webhooks: Sequence[OutboundWebhook]) -> int:
    """Give back claims that were not used, due at once; return how many were still held. Never commits."""
    return len((await session.execute(RELEASE, _held(webhooks))).all())


async def park(session: AsyncSession, *, order_hold: timedelta, head: int = 200) -> int:
    """Move webhooks that wait for an earlier one's retry out of the way of claims, until that retry; return how many. Never commits.

    Looks at the first `head` due ones of each subscriber. Recording the end of the earlier one makes them due again at once.
    """
    return len((await session.execute(PARK, {"order_hold": order_hold, "head": head})).all())


def _held(webhooks: Sequence[OutboundWebhook]) -> dict[str, list[Any]]:
    return {"ids": [webhook.id for webhook in webhooks], "tokens": [webhook.lease_token for webhook in webhooks]}


def _webhook(row: RowMapping, token: UUID, targets: dict[UUID, Target]) -> OutboundWebhook:
    target = targets.get(row["subscriber_id"])
    if target is None:
        timeout_s = None if row["timeout_ms"] is None else row["timeout_ms"] / 1000
        target = Target(row["subscriber_id"], row["url"], timeout_s, row["max_in_flight"], tuple(row["sealed"]), row["sealed_transport"])
        targets[target.subscriber_id] = target
    return OutboundWebhook(
        id=row["id"],
        lease_token=token,
        attempts=row["attempts"],
        excused=row["excused"],
        event_id=row["event_id"],
        event_type=row["type"],
        created_at=row["created_at"],
        data=row["data"],
        customer=row["customer"],
        target=target,
    )
