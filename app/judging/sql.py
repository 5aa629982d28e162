"""SQL of judging: lanes, notices to judge, and known orders."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from app.db.driver.direct import Statements
from app.db.lanes import LANES, lane_of
from app.events.types import OrderState
from app.judging.lanes.lane_bounds import LaneBounds
from app.judging.statements.review_rows import read_review
from app.order_life.order_state import REMEMBERED, KnownOrder, Occurrence, values_of
from app.zeus.canonical import canonical_values
from app.zeus.statuses import Status

_LOCK_SPACE = 7_236
_LANES_AT_ONCE = 4
_TAKEN_FROM = 5
"""Column of TAKE from which on it has those of UnjudgedNotice."""


@dataclass(frozen=True, slots=True)
class UnjudgedNotice:
    """Row of a notice that has no verdict yet.

    `version` changes with every change of the row. It is None for a row of this transaction.
    """

    id: UUID
    lane: int
    received_at: datetime
    target: bytes
    body: bytes
    released: bool
    cut: bool
    origin: str = "call"
    corrections: dict[str, str] | None = None
    version: int | None = None


# The oldest unjudged notice of each lane from its bound on, each by one probe of the index of
# unjudged notices. Of the lanes that have one, those that no other worker judges, and their
# notices. These are as of before the locks: another worker may have judged some of them meanwhile.
TAKE = text(f"""
WITH found AS MATERIALIZED (
  SELECT bound.lane, (
    SELECT id FROM notices
    WHERE notices.lane = bound.lane AND verdict IS NULL AND id >= bound.id ORDER BY id LIMIT 1
  ) AS oldest
  FROM unnest(CAST(:lanes AS smallint[]), CAST(:bounds AS uuid[])) AS bound (lane, id)
), scanned AS MATERIALIZED (
  SELECT count(*), CAST(extract(epoch FROM clock_timestamp() - statement_timestamp()) AS float8)
      AS took, CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint) AS now_ms
  FROM found
), pending AS MATERIALIZED (
  SELECT lane, oldest FROM found WHERE oldest IS NOT NULL ORDER BY random()
), locked AS MATERIALIZED (
  SELECT lane, oldest FROM pending WHERE pg_try_advisory_xact_lock({_LOCK_SPACE}, lane)
  LIMIT {_LANES_AT_ONCE}
)
SELECT found.lane AS scanned_lane, found.oldest, locked.lane IS NOT NULL AS locked, took, now_ms,
  unjudged.*
FROM scanned CROSS JOIN found LEFT JOIN locked ON locked.lane = found.lane
LEFT JOIN LATERAL (
  SELECT id, lane, received_at, target, body, released, cut, origin, corrections, xmin AS version
  FROM notices
  WHERE notices.lane = locked.lane AND verdict IS NULL AND id >= locked.oldest
  ORDER BY id LIMIT :limit
) AS unjudged ON true
ORDER BY unjudged.id
""")  # noqa: S608 - only our own constants are put in

_LOCK_MORE_LANES = text(f"""
SELECT lane FROM unnest(CAST(:lanes AS smallint[])) AS lane
WHERE pg_try_advisory_xact_lock({_LOCK_SPACE}, lane)
""")  # noqa: S608 - only our own constants are put in

# Waits in the order of the lanes, so that nobody waits in a circle.
_AWAIT_LANES = text(f"""
SELECT pg_advisory_xact_lock({_LOCK_SPACE}, lane) FROM unnest(CAST(:lanes AS smallint[])) AS lane
""")  # noqa: S608 - only our own constants are put in

_IDLE_LANES = text("""
SELECT each.lane FROM unnest(CAST(:lanes AS smallint[])) AS each (lane)
WHERE (SELECT id FROM notices WHERE notices.lane = each.lane AND verdict IS NULL LIMIT 1) IS NULL
""")

_UNJUDGED_AFTER = text("""
SELECT id, lane, received_at, target, body, released, cut, origin, corrections, xmin AS version
FROM notices WHERE lane = :lane AND verdict IS NULL AND id > :after ORDER BY lane, id LIMIT :limit
""")

_MANY_EVENTS = 32
_STATUSES = ", ".join(f"('{status.value}')" for status in Status)
# Of orders with many events, only the last one of each status is read. For others, reading all
# events costs less.
KNOWN_ORDERS = f"""known AS MATERIALIZED (
  SELECT orders.*, (
    SELECT json_agg(reviews.* ORDER BY id) FROM reviews
    WHERE reviews.order_no = orders.order_no AND settled_at IS NULL
  ) AS reviews
  FROM orders WHERE order_no = ANY (CAST(:order_nos AS text[]))
), occurred AS (
  SELECT events.order_no, events.status, events.occurrence, events.cycle, events.notice_id
  FROM known CROSS JOIN LATERAL (
    SELECT * FROM events
    WHERE events.order_no = known.order_no AND events.status IS NOT NULL
    OFFSET 0
  ) AS events
  WHERE known.sequence <= {_MANY_EVENTS}
  UNION ALL
  SELECT last.order_no, last.status, last.occurrence, last.cycle, last.notice_id
  FROM known CROSS JOIN (VALUES {_STATUSES}) AS each (status)
  CROSS JOIN LATERAL (
    SELECT * FROM events
    WHERE (events.order_no, events.status) >= (known.order_no, each.status)
      AND (events.order_no, events.status) <= (known.order_no, each.status)
      AND events.status IS NOT NULL
    ORDER BY events.order_no DESC, events.status DESC, events.occurrence DESC LIMIT 1
  ) AS last
  WHERE known.sequence > {_MANY_EVENTS}
), orders_known AS (
  SELECT (SELECT json_agg(known) FROM known) AS orders, (
    SELECT json_agg(json_build_array(
        occurred.order_no, status, occurrence, cycle, notice_id, (
          SELECT parameters FROM notices WHERE notices.id = occurred.notice_id
        )) ORDER BY occurrence)
    FROM occurred
  ) AS occurrences
)"""  # noqa: S608 - only our own constants are put in
"""CTE `orders_known`: one row with the orders and the occurrences of their statuses, as JSON."""
_KNOWN_ORDERS = text(f"WITH {KNOWN_ORDERS} SELECT * FROM orders_known")  # noqa: S608 - our constants

# Backwards through the calls of the order until one has the status. A range instead of equality
# keeps to the index of orders: with equality the ids have the order of the primary key too, which
# leads past the calls of all other orders.
_LAST_CALLS = text("""
SELECT wanted.order_no, wanted.status, last.id
FROM unnest(CAST(:order_nos AS text[]), CAST(:statuses AS text[])) AS wanted (order_no, status)
CROSS JOIN LATERAL (
  SELECT id FROM notices
  WHERE notices.order_no >= wanted.order_no AND notices.order_no <= wanted.order_no
    AND notices.status = wanted.status AND verdict IN ('accepted', 'duplicate')
  ORDER BY notices.order_no DESC, notices.id DESC LIMIT 1
) AS last
""")

_ANSWERED = text("SELECT notice_id FROM answers WHERE notice_id = ANY(:ids)").bindparams(
    bindparam("ids", type_=ARRAY(Uuid))
)


@dataclass(frozen=True, slots=True)
class TakenLanes:
    """Locked lanes with their oldest unjudged notices. `are_all` tells that nothing else was left:
    no other lane had notices, and none of these had more.
    """

    lanes: Collection[int] = ()
    notices: Sequence[UnjudgedNotice] = ()
    are_all: bool = True


async def take_notices(
    session: Statements, among: Collection[int], bounds: LaneBounds, limit: int
) -> TakenLanes:
    """Lock lanes of `among` that have unjudged notices and that no other worker judges.

    Return their oldest notices, at most `limit` of each lane. Another worker may have judged some
    of these before the lock; their `version` tells. The locks last until the transaction ends.
    """
    starts = bounds.starts(among)
    parameters = {"lanes": list(starts), "bounds": list(starts.values()), "limit": limit}
    rows = (await session.execute(TAKE, parameters)).all()
    oldest = {row.scanned_lane: row.oldest for row in rows if row.oldest}
    if rows:
        bounds.learn(starts, oldest, rows[0].took, rows[0].now_ms)
    found = [UnjudgedNotice(*row[_TAKEN_FROM:]) for row in rows if row.id]
    if found:
        bounds.note_newest(found[-1].id)
    lanes = {row.scanned_lane for row in rows if row.locked}
    return TakenLanes(lanes, found, lanes == oldest.keys() and len(found) < limit)


async def lock_more_lanes(session: Statements, lanes: Collection[int]) -> set[int]:
    """Lock those of `lanes` that no other worker judges, until the transaction ends.

    Return them. Never waits.
    """
    return (
        set((await session.execute(_LOCK_MORE_LANES, {"lanes": sorted(lanes)})).scalars())
        if lanes
        else set()
    )


async def await_lanes(session: Statements, order_nos: Collection[str]) -> None:
    """Wait until no worker judges these orders, and keep it so until the transaction ends."""
    lanes = sorted({lane_of(order_no) for order_no in order_nos})
    await session.execute(_AWAIT_LANES, {"lanes": lanes})


async def await_every_lane(session: Statements) -> None:
    """Wait until no worker judges any order, and keep it so until the transaction ends."""
    await session.execute(_AWAIT_LANES, {"lanes": list(range(LANES))})


async def lock_idle_lanes(session: Statements, lanes: Collection[int]) -> set[int]:
    """Lock those of `lanes` that nobody judges and that have no unjudged notice. Never waits."""
    held = await lock_more_lanes(session, lanes)
    if not held:
        return held
    return set((await session.execute(_IDLE_LANES, {"lanes": sorted(held)})).scalars())


async def unjudged_after(
    session: Statements, lane: int, after: UUID, limit: int
) -> list[UnjudgedNotice]:
    """Return the oldest unjudged notices of a lane after the id `after`, at most `limit`."""
    rows = await session.execute(_UNJUDGED_AFTER, {"lane": lane, "after": after, "limit": limit})
    return [UnjudgedNotice(**row) for row in rows.mappings()]


async def known_orders(session: Statements, order_nos: Collection[str]) -> dict[str, KnownOrder]:
    """Return the known orders among `order_nos`, with the last occurrence of every status, without
    their last calls.
    """
    row = (await session.execute(_KNOWN_ORDERS, {"order_nos": list(order_nos)})).one()
    return read_orders(row.orders, row.occurrences)


def read_orders(
    orders: Sequence[Mapping[str, Any]] | None, occurrences: Sequence[Sequence[Any]] | None
) -> dict[str, KnownOrder]:
    """Return the orders in the columns of `orders_known`."""
    had: dict[str, dict[Status, Occurrence]] = defaultdict(dict)
    for order_no, status, occurrence, cycle, notice_id, parameters in occurrences or ():
        values = values_of(canonical_values(parameters or {}), REMEMBERED)
        had[order_no][Status(status)] = Occurrence(occurrence, cycle, _uuid(notice_id), values)
    return {row["order_no"]: _order(row, had[row["order_no"]]) for row in orders or ()}


async def last_calls(
    session: Statements, wanted: Collection[tuple[str, str]]
) -> dict[str, dict[Status, UUID]]:
    """Return the latest accepted or duplicate notice for each order_no and status."""
    found: dict[str, dict[Status, UUID]] = defaultdict(dict)
    parameters = {
        "order_nos": [order_no for order_no, _ in wanted],
        "statuses": [status for _, status in wanted],
    }
    for row in await session.execute(_LAST_CALLS, parameters):
        found[row.order_no][Status(row.status)] = row.id
    return found


async def answered_of(session: Statements, notice_ids: Collection[UUID]) -> set[UUID]:
    """Return those of `notice_ids` whose answers are known to have gone out in time."""
    return set((await session.execute(_ANSWERED, {"ids": list(notice_ids)})).scalars())


def _uuid(value: str | None) -> Any:
    return UUID(value) if value else None


def _order(row: Mapping[str, Any], had: dict[Status, Occurrence]) -> KnownOrder:
    values = {name: str(row[name]) for name in REMEMBERED if row[name] is not None}
    return KnownOrder(
        row["order_no"],
        Status(row["status"]),
        row["cycle"],
        row["sequence"],
        had,
        {},
        values,
        frozenset(row["flags"]),
        presumed=row["state"] == OrderState.EXPIRY_PRESUMED,
        released_cycle=row["released_cycle"],
        revoked_cycle=row["revoked_cycle"],
        held_cycle=row["held_cycle"],
        overdue_cycle=row["overdue_cycle"],
        paid_at=datetime.fromisoformat(row["paid_at"]) if row["paid_at"] else None,
        reviews=tuple(map(read_review, row["reviews"] or ())),
        application_id=_uuid(row["application_id"]),
        test=row["test"],
    )
