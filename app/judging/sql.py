"""SQL of judging: lanes and notices to judge, known orders, and the rows that are written."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text, Uuid

from app.db.lanes import LANES, lane_of
from app.events.types import OrderState
from app.judging.lanes.lane_bounds import LaneBounds
from app.judging.review_rows import read_review
from app.order_life.order_state import REMEMBERED, KnownOrder, Occurrence, values_of
from app.zeus.canonical import canonical_values
from app.zeus.statuses import Status

_LOCK_SPACE = 7_236
_LANES_AT_ONCE = 4
_FEED_LOCK = 7_236_405_904
_FEED_TURN_SECONDS = 5


@dataclass(frozen=True, slots=True)
class UnjudgedNotice:
    """Row of a notice that has no verdict yet."""

    id: UUID
    lane: int
    received_at: datetime
    target: bytes
    body: bytes
    released: bool
    cut: bool
    origin: str = "call"
    corrections: dict[str, str] | None = None


# The oldest unjudged notice of each lane from its bound on, each by one probe of the index of
# unjudged notices. Of the lanes that have one, those that no other worker judges.
_LOCK_LANES = text(f"""
WITH found AS MATERIALIZED (
  SELECT bound.lane, (
    SELECT id FROM notices
    WHERE notices.lane = bound.lane AND verdict IS NULL AND id >= bound.id ORDER BY id LIMIT 1
  ) AS oldest
  FROM unnest(CAST(:lanes AS smallint[]), CAST(:bounds AS uuid[])) AS bound (lane, id)
), pending AS MATERIALIZED (
  SELECT lane FROM found WHERE oldest IS NOT NULL ORDER BY random()
), locked AS MATERIALIZED (
  SELECT lane FROM pending WHERE pg_try_advisory_xact_lock({_LOCK_SPACE}, lane)
  LIMIT {_LANES_AT_ONCE}
)
SELECT lane, oldest, lane IN (SELECT lane FROM locked) AS locked,
  CAST(extract(epoch FROM clock_timestamp() - statement_timestamp()) AS float8) AS took,
  CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint) AS now_ms
FROM found
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

_UNJUDGED = text("""
SELECT unjudged.*
FROM unnest(CAST(:lanes AS smallint[]), CAST(:oldest AS uuid[])) AS locked (lane, oldest)
CROSS JOIN LATERAL (
  SELECT id, lane, received_at, target, body, released, cut, origin, corrections FROM notices
  WHERE notices.lane = locked.lane AND verdict IS NULL AND id >= locked.oldest
  ORDER BY id LIMIT :limit
) AS unjudged
ORDER BY id
""")

_UNJUDGED_AFTER = text("""
SELECT id, lane, received_at, target, body, released, cut, origin, corrections FROM notices
WHERE lane = :lane AND verdict IS NULL AND id > :after ORDER BY lane, id LIMIT :limit
""")

_ORDERS = text("""
SELECT orders.*, (
  SELECT json_agg(reviews.* ORDER BY id) FROM reviews
  WHERE reviews.order_no = orders.order_no AND settled_at IS NULL
) AS reviews
FROM orders WHERE order_no = ANY(:order_nos)
""").bindparams(bindparam("order_nos", type_=ARRAY(Text)))

_OCCURRENCES = text("""
SELECT events.order_no, events.status, events.occurrence, events.cycle, events.notice_id,
  notices.parameters
FROM events LEFT JOIN notices ON notices.id = events.notice_id
WHERE events.order_no = ANY(:order_nos) AND events.status IS NOT NULL
ORDER BY events.order_no, events.occurrence
""").bindparams(bindparam("order_nos", type_=ARRAY(Text)))

# For orders with many events, of which only the last of each status counts. For others, reading all
# events costs less.
_LAST_OCCURRENCES = text("""
SELECT last.order_no, last.status, last.occurrence, last.cycle, last.notice_id, notices.parameters
FROM unnest(CAST(:order_nos AS text[])) AS wanted (order_no)
CROSS JOIN unnest(CAST(:statuses AS text[])) AS each (status)
CROSS JOIN LATERAL (
  SELECT * FROM events
  WHERE (events.order_no, events.status) >= (wanted.order_no, each.status)
    AND (events.order_no, events.status) <= (wanted.order_no, each.status)
    AND events.status IS NOT NULL
  ORDER BY events.order_no DESC, events.status DESC, events.occurrence DESC LIMIT 1
) AS last
LEFT JOIN notices ON notices.id = last.notice_id
""").bindparams(statuses=[status.value for status in Status])
_MANY_EVENTS = 32

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

_WRITE_ORDERS = text("""
INSERT INTO orders
  (order_no, status, state, cycle, sequence, money, clientip, pay_cvs, pay_no1, pay_no2, pay_limit,
  sendid, sendpoint, flags, telno_tail, released_cycle, revoked_cycle, held_cycle, overdue_cycle,
  paid_at, application_id, test, created_at, updated_at)
SELECT order_no, status, state, cycle, sequence, money, clientip, pay_cvs, pay_no1, pay_no2,
  pay_limit, sendid, sendpoint, flags, telno_tail, released_cycle, revoked_cycle, held_cycle,
  overdue_cycle, paid_at, application_id, coalesce(test, false), clock_timestamp(),
  clock_timestamp()
FROM json_populate_recordset(NULL::orders, CAST(:rows AS json))
ON CONFLICT (order_no) DO UPDATE SET
  status = excluded.status, state = excluded.state, cycle = excluded.cycle,
  sequence = excluded.sequence, money = excluded.money, clientip = excluded.clientip,
  pay_cvs = excluded.pay_cvs, pay_no1 = excluded.pay_no1, pay_no2 = excluded.pay_no2,
  pay_limit = excluded.pay_limit, sendid = excluded.sendid, sendpoint = excluded.sendpoint,
  flags = excluded.flags, telno_tail = coalesce(excluded.telno_tail, orders.telno_tail),
  released_cycle = excluded.released_cycle, revoked_cycle = excluded.revoked_cycle,
  held_cycle = excluded.held_cycle, overdue_cycle = excluded.overdue_cycle,
  paid_at = excluded.paid_at, application_id = excluded.application_id, test = excluded.test,
  updated_at = excluded.updated_at
""")

# Pollers of the feed read on after the last position they saw, so no smaller one may become visible
# later. The lock is taken before the first position (a volatile function is called for the rows
# that come out of the join and the sort) and held until the commit. A worker that freezes in
# between loses its transaction, since all others wait for it.
WRITE_EVENTS = text(f"""
WITH turn AS MATERIALIZED (
  SELECT pg_advisory_xact_lock({_FEED_LOCK}),
    set_config('idle_in_transaction_session_timeout', '{_FEED_TURN_SECONDS}s', true)
)
INSERT INTO events (id, type, order_no, status, occurrence, cycle, sequence, notice_id, created_at,
  data, customer, test, position)
SELECT made.id, made.type, made.order_no, made.status, made.occurrence, made.cycle, made.sequence,
  made.notice_id, clock_timestamp(), made.data, made.customer, coalesce(made.test, false),
  nextval('events_position_seq')
FROM turn CROSS JOIN json_populate_recordset(NULL::events, CAST(:rows AS json)) AS made
ORDER BY made.id
""")  # noqa: S608 - only our own constants are put in

_WRITE_VERDICTS = text("""
UPDATE notices SET judged_at = clock_timestamp(), verdict = judged.verdict,
  reasons = judged.reasons, flags = judged.flags, parameters = judged.parameters,
  order_no = judged.order_no, status = judged.status
FROM json_populate_recordset(NULL::notices, CAST(:rows AS json)) AS judged
WHERE notices.id = judged.id
""")


async def lock_lanes(
    session: AsyncSession, among: Collection[int], bounds: LaneBounds
) -> dict[int, UUID]:
    """Lock lanes of `among` that have unjudged notices and that no other worker judges.

    Return the oldest unjudged notice of each locked lane. The locks last until the transaction
    ends.
    """
    starts = bounds.starts(among)
    rows = (
        await session.execute(_LOCK_LANES, {"lanes": list(starts), "bounds": list(starts.values())})
    ).all()
    oldest = {row.lane: row.oldest for row in rows if row.oldest}
    if rows:
        bounds.learn(starts, oldest, max(row.took for row in rows), min(row.now_ms for row in rows))
    return {row.lane: row.oldest for row in rows if row.locked}


async def lock_more_lanes(session: AsyncSession, lanes: Collection[int]) -> set[int]:
    """Lock those of `lanes` that no other worker judges, until the transaction ends.

    Return them. Never waits.
    """
    return (
        set(await session.scalars(_LOCK_MORE_LANES, {"lanes": sorted(lanes)})) if lanes else set()
    )


async def await_lanes(session: AsyncSession, order_nos: Collection[str]) -> None:
    """Wait until no worker judges these orders, and keep it so until the transaction ends."""
    lanes = sorted({lane_of(order_no) for order_no in order_nos})
    await session.execute(_AWAIT_LANES, {"lanes": lanes})


async def await_every_lane(session: AsyncSession) -> None:
    """Wait until no worker judges any order, and keep it so until the transaction ends."""
    await session.execute(_AWAIT_LANES, {"lanes": list(range(LANES))})


async def lock_idle_lanes(session: AsyncSession, lanes: Collection[int]) -> set[int]:
    """Lock those of `lanes` that nobody judges and that have no unjudged notice. Never waits."""
    held = await lock_more_lanes(session, lanes)
    if not held:
        return held
    return set(await session.scalars(_IDLE_LANES, {"lanes": sorted(held)}))


async def unjudged(
    session: AsyncSession, lanes: Mapping[int, UUID], limit: int
) -> list[UnjudgedNotice]:
    """Return the oldest unjudged notices of `lanes`, as `lock_lanes` returned them, at most `limit`
    of each.

    Call it after `lock_lanes`: it then sees the commits of others.
    """
    parameters = {"lanes": list(lanes), "oldest": list(lanes.values()), "limit": limit}
    rows = await session.execute(_UNJUDGED, parameters)
    return [UnjudgedNotice(**row) for row in rows.mappings()]


async def unjudged_after(
    session: AsyncSession, lane: int, after: UUID, limit: int
) -> list[UnjudgedNotice]:
    """Return the oldest unjudged notices of a lane after the id `after`, at most `limit`."""
    rows = await session.execute(_UNJUDGED_AFTER, {"lane": lane, "after": after, "limit": limit})
    return [UnjudgedNotice(**row) for row in rows.mappings()]


async def known_orders(session: AsyncSession, order_nos: Collection[str]) -> dict[str, KnownOrder]:
    """Return the known orders among `order_nos`, with the last occurrence of every status, without
    their last calls.
    """
    rows = (await session.execute(_ORDERS, {"order_nos": list(order_nos)})).mappings().all()
    had: dict[str, dict[Status, Occurrence]] = defaultdict(dict)
    for statement, many in ((_OCCURRENCES, False), (_LAST_OCCURRENCES, True)):
        numbers = [row["order_no"] for row in rows if (row["sequence"] > _MANY_EVENTS) is many]
        for row in await session.execute(statement, {"order_nos": numbers}) if numbers else ():
            values = values_of(canonical_values(row.parameters or {}), REMEMBERED)
            had[row.order_no][Status(row.status)] = Occurrence(
                row.occurrence, row.cycle, row.notice_id, values
            )
    return {row["order_no"]: _order(row, had[row["order_no"]]) for row in rows}


async def last_calls(
    session: AsyncSession, wanted: Collection[tuple[str, str]]
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


async def answered_of(session: AsyncSession, notice_ids: Collection[UUID]) -> set[UUID]:
    """Return those of `notice_ids` whose answers are known to have gone out in time."""
    return set((await session.scalars(_ANSWERED, {"ids": list(notice_ids)})).all())


Rows = list[dict[str, Any]]


async def write_orders(session: AsyncSession, rows: Rows) -> None:
    """Write the state of orders."""
    await _write(session, _WRITE_ORDERS, rows)


async def write_verdicts(session: AsyncSession, rows: Rows) -> None:
    """Write the verdicts on notices."""
    await _write(session, _WRITE_VERDICTS, rows)


async def write_events(session: AsyncSession, rows: Rows) -> None:
    """Write new events. From then on, others with events wait for this transaction."""
    await _write(session, WRITE_EVENTS, rows)


async def _write(session: AsyncSession, statement: TextClause, rows: Rows) -> None:
    if rows:
        as_json = json.dumps(rows, default=str, ensure_ascii=False, separators=(",", ":"))
        await session.execute(statement, {"rows": as_json})


def _order(row: Any, had: dict[Status, Occurrence]) -> KnownOrder:
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
        paid_at=row["paid_at"],
        reviews=tuple(map(read_review, row["reviews"] or ())),
        application_id=row["application_id"],
        test=row["test"],
    )
