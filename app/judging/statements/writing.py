"""Writing of a judged batch: verdicts, orders, events and webhooks in one statement. SQL."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from app.db.driver.direct import Statements
from app.forwarding.fan_out import FAN_OUT, FANNED_OUT
from app.forwarding.immediate_leases import Room
from app.forwarding.leased_fan_out import (
    FAN_OUT_LEASED,
    LeasedFanOut,
    lease_parameters,
    read_leased,
)
from app.judging.statements.json_rows import Rows, as_json

_FEED_LOCK = 7_236_405_904
_FEED_TURN_SECONDS = 5

_JUDGED = """orders_written AS (
  INSERT INTO orders
    (order_no, status, state, cycle, sequence, money, clientip, pay_cvs, pay_no1, pay_no2,
    pay_limit, sendid, sendpoint, flags, telno_tail, released_cycle, revoked_cycle, held_cycle,
    overdue_cycle, paid_at, application_id, test, created_at, updated_at)
  SELECT order_no, status, state, cycle, sequence, money, clientip, pay_cvs, pay_no1, pay_no2,
    pay_limit, sendid, sendpoint, flags, telno_tail, released_cycle, revoked_cycle, held_cycle,
    overdue_cycle, paid_at, application_id, coalesce(test, false), clock_timestamp(),
    clock_timestamp()
  FROM json_populate_recordset(NULL::orders, CAST(:orders AS json))
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
  RETURNING 1
), verdicts_written AS (
  UPDATE notices SET judged_at = clock_timestamp(), verdict = judged.verdict,
    reasons = judged.reasons, flags = judged.flags, parameters = judged.parameters,
    order_no = judged.order_no, status = judged.status
  FROM json_populate_recordset(NULL::notices, CAST(:verdicts AS json)) AS judged
  WHERE notices.id = judged.id
  RETURNING 1
)"""

# Pollers of the feed read on after the last position they saw, so no smaller one may become visible
# later. The lock is taken before the first position (a volatile function is called for the rows
# that come out of the join and the sort) and held until the commit, so everything else is written
# before. A worker that freezes in between loses its transaction, since all others wait for it.
_EVENTS = f"""turn AS MATERIALIZED (
  SELECT pg_advisory_xact_lock({_FEED_LOCK}),
    set_config('idle_in_transaction_session_timeout', '{_FEED_TURN_SECONDS}s', true)
  WHERE (SELECT count(*) FROM orders_written) + (SELECT count(*) FROM verdicts_written) >= 0
), new_events AS (
  INSERT INTO events (id, type, order_no, status, occurrence, cycle, sequence, notice_id,
    created_at, data, customer, test, position)
  SELECT made.id, made.type, made.order_no, made.status, made.occurrence, made.cycle,
    made.sequence, made.notice_id, clock_timestamp(), made.data, made.customer,
    coalesce(made.test, false), nextval('events_position_seq')
  FROM turn CROSS JOIN json_populate_recordset(NULL::events, CAST(:events AS json)) AS made
  ORDER BY made.id
  RETURNING *
)"""  # noqa: S608 - only our own constants are put in

_WRITE = text(f"WITH {_JUDGED} SELECT")
WRITE_WITH_EVENTS = text(f"WITH {_JUDGED}, {_EVENTS}, {FAN_OUT} SELECT")
_WRITE_AND_LEASE = text(
    f"WITH {_JUDGED}, {_EVENTS}, {FAN_OUT_LEASED} SELECT * FROM leased_fan_out"  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class JudgedRows:
    """Rows of verdicts, of orders and of events."""

    verdicts: Rows = ()
    orders: Rows = ()
    events: Rows = ()

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the statements that write them."""
        written = {"verdicts": as_json(self.verdicts), "orders": as_json(self.orders)}
        return {**written, "events": as_json(self.events)} if self.events else written


async def write_rows(session: Statements, rows: JudgedRows, delay: timedelta) -> None:
    """Write verdicts, orders and events, and create the webhooks of the events. Never commit.

    With events, others with events wait for this transaction from then on. `delay` is the wait
    before the first attempt.
    """
    parameters = rows.parameters()
    if rows.events:
        await session.execute(
            WRITE_WITH_EVENTS, {**parameters, "types": FANNED_OUT, "delay": delay}
        )
    elif rows.verdicts or rows.orders:
        await session.execute(_WRITE, parameters)


async def write_and_lease(session: Statements, rows: JudgedRows, room: Room) -> LeasedFanOut:
    """Write as `write_rows` does, and lease the webhooks for which this worker has `room`.

    There must be events, and the lanes of their orders must be locked.
    """
    parameters = {**rows.parameters(), **lease_parameters(room)}
    found = (await session.execute(_WRITE_AND_LEASE, parameters)).mappings().all()
    return read_leased(found, room)
