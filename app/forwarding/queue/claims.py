"""The SQL of delivery: claim what is due, give claims back, and keep waiting rows out of the way. All times are the database's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from app.forwarding.queue.array_lookup import look_up
from app.forwarding.queue.due_bounds import NO_BOUNDS, SCAN
from app.forwarding.webhook import ClaimedWebhook, DeliveryTarget

_FIRST_TRY = "least(w.attempts + w.excused, 1) = 0"
_LATER_TRY = "least(w.attempts + w.excused, 1) = 1"
_FAILING_WEIGHT = "CASE WHEN s.failures > 0 THEN 4 ELSE 0 END"
_ASKED_FOR = "(s.capped_at IS NOT NULL) = CAST(:capped AS boolean)"
_MINE = "w.subscriber_id = s.id AND w.state = 'pending'"

# Plans are cached when tables are still empty, where every index costs the same. These spellings leave
# one index: a condition on an expression proves no partial index, and only the order index has the rows
# of an order sorted by sequence. An EXISTS has no order and could be turned into a hash of all rows.
STILL_PENDING = "w.state || '' = 'pending'"

_BUSY = look_up(
    "busy",
    "CAST(:busy_ids AS uuid[])",
    in_flight="CAST(:in_flight AS int[])",
    again="CAST(:again AS int[])",
    most="CAST(:most AS int[])",
    ahead="CAST(:ahead AS int[])",
)
_PACED = look_up("paced", "buckets.ids", allowance="buckets.allowances")

# Where scans for due webhooks begin, see DueBounds. A database's clock that was set back lowers them.
_FIRST_FROM = "least(coalesce(scan.first_tries, to_timestamp(0)), now() - interval '1 s')"
_LATER_FROM = "least(coalesce(scan.later_tries, to_timestamp(0)), now() - interval '1 s')"


def _due_before(moment: str, tries: str, start: str = "to_timestamp(0)") -> str:
    """Return the condition that subscriber `s` has a webhook due from `start` to `moment`."""
    return f"""(SELECT true FROM outbound_webhooks w
    WHERE {_MINE} AND {tries} AND w.due_at >= {start} AND w.due_at <= {moment}
    ORDER BY w.due_at LIMIT 1) IS NOT NULL"""  # noqa: S608


# The hold is counted from the first attempt, so that nothing is overtaken that was only waiting: for a worker, for its turn at a limited
# rate, for the end of a pause. A retry by hand counts anew. The age comes first, because it spares most rows the look-up.
_FIRST_TRIED = "(SELECT max(a.started_at) FROM attempts a WHERE a.outbound_webhook_id = earlier.id AND a.number = 1)"
_HOLDS_BACK = f"""(earlier.created_at > now() - CAST(:order_hold AS interval) OR earlier.attempts + earlier.excused = 0
            OR {_FIRST_TRIED} > now() - CAST(:order_hold AS interval))"""
_HOLDS_UNTIL = f"""CASE WHEN earlier.attempts + earlier.excused = 0 THEN earlier.due_at
        ELSE least(earlier.due_at, greatest(earlier.created_at, {_FIRST_TRIED}) + CAST(:order_hold AS interval)) END"""


def _due_of_each(tries: str, room: str, bound: str) -> str:
    """The webhooks due, of each roomy subscriber at most `room`, the oldest first."""
    return f"""
  SELECT roomy.turn, roomy.room, roomy.id AS subscriber_id, found.id, found.due_at FROM roomy CROSS JOIN LATERAL (
    SELECT w.id, w.due_at FROM outbound_webhooks w
    WHERE w.subscriber_id = roomy.id AND w.state = 'pending' AND {tries} AND w.due_at >= {bound} AND w.due_at <= now()
      AND NOT (roomy.ordered AND w.order_no IS NOT NULL AND (
        SELECT true FROM outbound_webhooks earlier
        WHERE earlier.subscriber_id = w.subscriber_id AND earlier.order_no = w.order_no AND earlier.sequence < w.sequence
          AND earlier.state = 'pending' AND {_HOLDS_BACK}
        ORDER BY earlier.sequence LIMIT 1) IS NOT NULL)
    ORDER BY w.due_at, w.id
    LIMIT greatest({room}, 0)
    FOR UPDATE OF w SKIP LOCKED
  ) found"""  # noqa: S608 - only our own constants are put in


# Each part of the claim is written for one plan, an index scan of a few rows per subscriber, whatever the statistics say:
# - `paced` are the subscribers that may not get all they have room for: a token bucket in their row, filled at `rate` a second and a
#   quarter of a second deep. Who cannot lock the row leaves the subscriber to the worker that has;
# - the subscribers with the least under way come first, so that :room goes to them when there is more work than room;
#   One whose last attempt failed counts as if four more were under way: what fails quickly and often comes behind what succeeds;
# - subscribers that are capped have claims of their own, each at most one webhook, who was tried longest ago first; other claims do
#   not look at them;
# - first tries and later ones come from their own parts of the index and share the room by age. A quarter of it is for first tries
#   alone, so that a flood of retries cannot hold up what is new;
# - `= ANY (ARRAY (…))` makes the update look up each id; as a join it could read the table.
# - least() passes over what is NULL.
# A claimed webhook stays pending, with due_at at the end of its lease: what a lost worker held comes due again by itself.
CLAIM = text(f"""
WITH paced AS MATERIALIZED (
  SELECT s.id, least(bucket.depth, s.allowance + bucket.since * bucket.rate) AS allowance
  FROM subscribers s {SCAN} CROSS JOIN LATERAL (
    SELECT pace.rate, greatest(pace.rate / 4.0, 1) AS depth,
      greatest(coalesce(extract(epoch FROM now() - s.allowance_at), 3600), 0) AS since
    FROM (SELECT least(s.rate_limit, CASE WHEN s.resumed_at IS NOT NULL THEN CAST(:resume_rate AS int) END) AS rate) AS pace
  ) AS bucket
  WHERE s.state = 'active' AND {_ASKED_FOR} AND bucket.rate IS NOT NULL AND s.allowance + bucket.since * bucket.rate >= 1 AND (
    {_due_before("now()", _FIRST_TRY, _FIRST_FROM)} OR {_due_before("now()", _LATER_TRY, _LATER_FROM)})
  FOR NO KEY UPDATE OF s SKIP LOCKED
), buckets AS MATERIALIZED (
  SELECT array_agg(id ORDER BY id) AS ids, array_agg(allowance ORDER BY id) AS allowances FROM paced
), roomy AS MATERIALIZED (
  SELECT s.id, s.ordered, row_number() OVER (ORDER BY s.capped_at, coalesce(busy.in_flight, 0) + {_FAILING_WEIGHT}, random()) AS turn,
    least(bound.most - coalesce(busy.in_flight, 0),
      CASE WHEN s.rate_limit IS NOT NULL OR s.resumed_at IS NOT NULL THEN CAST(coalesce(floor(paced.allowance), 0) AS int) END) AS room,
    greatest(bound.most * 3 / 4, 1) - coalesce(busy.again, 0) AS again_room,
    {_FIRST_FROM} AS first_from, {_LATER_FROM} AS later_from
  FROM subscribers s CROSS JOIN buckets
  {_PACED}
  {_BUSY}
  {SCAN}
  CROSS JOIN LATERAL (
    SELECT least(s.max_in_flight + coalesce(busy.ahead, 0), busy.most, CASE WHEN CAST(:capped AS boolean) THEN 1 END,
      CASE WHEN s.failures > 0 OR s.last_success_at IS NULL THEN CAST(:unproven AS int) END) AS most
  ) AS bound
  WHERE s.state = 'active' AND {_ASKED_FOR}
  ORDER BY turn
), first_tries AS MATERIALIZED ({_due_of_each(_FIRST_TRY, "roomy.room", "roomy.first_from")}
  LIMIT :room
), later_tries AS MATERIALIZED ({_due_of_each(_LATER_TRY, "least(roomy.room, roomy.again_room)", "roomy.later_from")}
  LIMIT :again_room
), due AS MATERIALIZED (
  SELECT id, subscriber_id FROM (
    SELECT found.*, row_number() OVER (PARTITION BY turn ORDER BY due_at, id) AS place
    FROM (SELECT * FROM first_tries UNION ALL SELECT * FROM later_tries) AS found
  ) AS ranked
  WHERE place <= room ORDER BY turn, place LIMIT :room
), spent AS (
  UPDATE subscribers s SET allowance = spending.allowance - spending.webhooks, allowance_at = now()
  FROM (
    SELECT s.id, s.webhooks, paced.allowance
    FROM (SELECT subscriber_id AS id, count(*) AS webhooks FROM due GROUP BY subscriber_id) AS s
    CROSS JOIN buckets {_PACED}
    WHERE paced.allowance IS NOT NULL
  ) AS spending
  WHERE s.id = spending.id
)
UPDATE outbound_webhooks w
SET lease_token = :token, due_at = now() + CAST(:lease AS interval)
FROM subscribers s, events e
WHERE w.id = ANY (ARRAY (SELECT id FROM due)) AND {STILL_PENDING} AND s.id = w.subscriber_id AND e.id = w.event_id
RETURNING w.id, clock_timestamp() AS claimed_at, w.attempts, w.excused, w.event_id, w.subscriber_id, e.type, e.created_at, s.url, s.timeout_ms, s.max_in_flight,
  s.sealed_transport, s.capped_at IS NOT NULL AS capped,
  least(s.rate_limit, CASE WHEN s.resumed_at IS NOT NULL THEN CAST(:resume_rate AS int) END) AS rate,
  CAST(e.data AS text) AS data, CASE WHEN s.customer THEN CAST(e.customer AS text) END AS customer,
  ARRAY (
    SELECT x.sealed FROM subscriber_secrets x
    WHERE x.subscriber_id = s.id AND (x.expires_at IS NULL OR x.expires_at > now()) ORDER BY x.created_at DESC, x.id DESC
  ) AS sealed
""")  # noqa: S608 - only our own constants are put in

RENEW = text(f"""
UPDATE outbound_webhooks w SET due_at = now() + CAST(:lease AS interval)
FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS uuid[])) AS held (id, token)
WHERE w.id = ANY (CAST(:ids AS bigint[])) AND w.id = held.id AND w.lease_token = held.token AND {STILL_PENDING}
RETURNING w.id
""")  # noqa: S608 - only our own constants are put in

RELEASE = text(f"""
UPDATE outbound_webhooks w SET lease_token = NULL, due_at = now()
FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS uuid[])) AS held (id, token)
WHERE w.id = ANY (CAST(:ids AS bigint[])) AND w.id = held.id AND w.lease_token = held.token AND {STILL_PENDING}
RETURNING w.id
""")  # noqa: S608 - only our own constants are put in

# A backlog that was let out slowly is gone when nothing is due any more since before it was let out.
UNWIND = text(f"""
UPDATE subscribers s SET resumed_at = NULL
WHERE s.resumed_at IS NOT NULL AND s.state = 'active'
  AND NOT {_due_before("s.resumed_at", _FIRST_TRY)} AND NOT {_due_before("s.resumed_at", _LATER_TRY)}
RETURNING s.id
""")  # noqa: S608 - only our own constants are put in

# Only the head of each queue of first tries is looked at: that is where a waiting row costs every claim a look-up. Capped subscribers
# have few claims and may be many with long queues, so some of them are looked at each time.
PARK = text(f"""
WITH waiting AS MATERIALIZED (
  SELECT head.id, head.until FROM subscribers s {SCAN} CROSS JOIN LATERAL (
    SELECT w.id, (
      SELECT max(holding.until) FROM (
        SELECT {_HOLDS_UNTIL} AS until FROM outbound_webhooks earlier
        WHERE earlier.subscriber_id = w.subscriber_id AND earlier.order_no = w.order_no AND earlier.sequence < w.sequence
          AND earlier.state = 'pending' AND earlier.lease_token IS NULL
        ORDER BY earlier.sequence OFFSET 0
      ) holding
    ) AS until
    FROM outbound_webhooks w
    WHERE {_MINE} AND {_FIRST_TRY} AND w.due_at >= {_FIRST_FROM} AND w.due_at <= now()
    ORDER BY w.due_at, w.id
    LIMIT :head
    FOR UPDATE OF w SKIP LOCKED
  ) head
  WHERE s.state = 'active' AND s.ordered AND head.until > now()
    AND (s.capped_at IS NULL OR s.id = ANY (ARRAY (
      SELECT id FROM subscribers WHERE state = 'active' AND capped_at IS NOT NULL ORDER BY random() LIMIT 20)))
)
UPDATE outbound_webhooks w SET due_at = waiting.until
FROM waiting WHERE w.id = ANY (ARRAY (SELECT id FROM waiting)) AND w.id = waiting.id
RETURNING w.id
""")  # noqa: S608 - only our own constants are put in


@dataclass(frozen=True, slots=True)
class Busy:
    """A subscriber with webhooks under way: how many, how many it may have at most, and how many of them are no first tries.

    `ahead` is how many may be claimed beyond its `max_in_flight`.
    """

    subscriber_id: UUID
    in_flight: int
    most: int
    again: int = 0
    ahead: int = 0


async def claim(
    session: AsyncSession,
    *,
    room: int,
    busy: Sequence[Busy],
    lease: timedelta,
    order_hold: timedelta,
    again_room: int | None = None,
    resume_rate: int = 20,
    capped: bool = False,
    unproven: int | None = None,
    bounds: Mapping[str, Any] = NO_BOUNDS,
) -> list[ClaimedWebhook]:
    """Take at most `room` due webhooks of active subscribers, `again_room` of them no first tries; others leave them alone for `lease`.

    A subscriber gets no more than its `max_in_flight` (and `ahead`) less what `busy` says, and no more a second than its rate limit, or
    `resume_rate` while a backlog is let out. A webhook waits while an earlier one of the same order is pending for the same subscriber and
    was not tried yet, or for the first time less than `order_hold` ago, unless the subscriber wants no order. With `capped`
    only webhooks of capped subscribers are taken, one of each at most; without, only those of the others.
    One that failed last, or never took a webhook, gets no more than `unproven`.
    What was due before its subscriber's bound in `bounds` (`DueBounds.parameters`) is not seen. Never commits.
    """
    token = uuid4()
    busy = sorted(busy, key=lambda entry: entry.subscriber_id)
    parameters = {
        "room": room,
        "again_room": room if again_room is None else max(again_room, 0),
        "busy_ids": [entry.subscriber_id for entry in busy],
        "in_flight": [entry.in_flight for entry in busy],
        "again": [entry.again for entry in busy],
        "most": [entry.most for entry in busy],
        "ahead": [entry.ahead for entry in busy],
        "token": token,
        "lease": lease,
        "order_hold": order_hold,
        "resume_rate": resume_rate,
        "capped": capped,
        "unproven": unproven,
        **bounds,
    }
    rows = (await session.execute(CLAIM, parameters)).mappings().all()
    targets: dict[UUID, DeliveryTarget] = {}
    return sorted((_webhook(row, token, targets) for row in rows), key=lambda webhook: webhook.id)


async def renew(
    session: AsyncSession, webhooks: Sequence[ClaimedWebhook], *, lease: timedelta
) -> int:
    """Hold claims for another `lease` from now; return how many were still held. Never commits."""
    return len((await session.execute(RENEW, {**_held(webhooks), "lease": lease})).all())


async def release(session: AsyncSession, webhooks: Sequence[ClaimedWebhook]) -> int:
    """Give back claims that were not used, due at once; return how many were still held. Never commits."""
    return len((await session.execute(RELEASE, _held(webhooks))).all())


async def park(
    session: AsyncSession,
    *,
    order_hold: timedelta,
    head: int = 200,
    bounds: Mapping[str, Any] = NO_BOUNDS,
) -> int:
    """Move webhooks that wait for an earlier one's retry out of the way of claims, until that retry; return how many. Never commits.

    Looks at the first `head` due ones of each subscriber. Recording the end of the earlier one makes them due again at once.
    """
    return len(
        (await session.execute(PARK, {"order_hold": order_hold, "head": head, **bounds})).all()
    )


async def unwind(session: AsyncSession) -> int:
    """Let subscribers whose backlog is gone have what they are owed without delay again; return how many. Never commits."""
    return len((await session.execute(UNWIND)).all())


def _held(webhooks: Sequence[ClaimedWebhook]) -> dict[str, list[Any]]:
    return {
        "ids": [webhook.id for webhook in webhooks],
        "tokens": [webhook.lease_token for webhook in webhooks],
    }


def _webhook(row: RowMapping, token: UUID, targets: dict[UUID, DeliveryTarget]) -> ClaimedWebhook:
    target = targets.get(row["subscriber_id"])
    if target is None:
        timeout_s = None if row["timeout_ms"] is None else row["timeout_ms"] / 1000
        sealed, transport = tuple(row["sealed"]), row["sealed_transport"]
        target = DeliveryTarget(
            row["subscriber_id"],
            row["url"],
            timeout_s,
            row["max_in_flight"],
            sealed,
            transport,
            row["rate"],
            row["capped"],
        )
        targets[target.subscriber_id] = target
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
