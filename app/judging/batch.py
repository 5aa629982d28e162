"""Batch of notices: known orders, the rules' results, and the rows to write."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import uuid7
from app.forwarding.fan_out import fan_out
from app.judging import sql
from app.judging.event_data import Cause, Source, customer_of, event_data
from app.judging.mail_times import ToldStatus, mail_times
from app.judging.policy import Policy
from app.judging.quarantine import ORDER_NO_LIMIT
from app.judging.review_rows import quarantine_row, review_row, settlement_row, write_reviews
from app.judging.rules import judge
from app.judging.sql import UnjudgedNotice
from app.judging.surroundings import read_around
from app.judging.verdicts import JudgedCall, Judgement, Verdict
from app.order_life.change import OrderChange
from app.order_life.consequences import Surroundings
from app.order_life.order_state import REMEMBERED, KnownOrder
from app.zeus.corrections import corrected
from app.zeus.parameters import money_of
from app.zeus.statuses import parse_status
from app.zeus.wire import Call, decode


@dataclass(frozen=True, slots=True)
class TakenNotice:
    """A notice being judged, and the call that its bytes contain."""

    notice: UnjudgedNotice
    call: Call

    @classmethod
    def of(cls, notice: UnjudgedNotice) -> Self:
        """Decode the notice, with the values that an operator corrected."""
        call = decode(notice.target.partition(b"?")[2], notice.body)
        return cls(notice, corrected(call, notice.corrections) if notice.corrections else call)

    @property
    def order_nos(self) -> set[str]:
        """Return the numbers under which the order may be stored: its canonical form and, from
        before 0.2, its spelling.
        """
        return {
            number
            for number in (self.call.order_no, self.call.values.get("order_no", ""))
            if is_usable(number)
        }

    def order_no_among(self, orders: Mapping[str, KnownOrder]) -> str:
        """Return the number of the order. An order stored by its spelling keeps that number."""
        spelled = self.call.values.get("order_no", "")
        return (
            spelled
            if spelled in orders and self.call.order_no not in orders
            else self.call.order_no
        )


@dataclass(frozen=True, slots=True)
class Known:
    """Known facts before a batch: its orders, the notices whose answers went out in time, what is
    around the orders, and the times that mails state, by notice.
    """

    orders: Mapping[str, KnownOrder]
    answered: Collection[UUID] = ()
    around: Surroundings = field(default_factory=Surroundings)
    times: Mapping[UUID, datetime] = field(default_factory=dict)


@dataclass(slots=True)
class JudgedBatch:
    """Result of a batch: rows to write, and the orders and surroundings after it.

    `freed` holds the orders that are paid no longer.
    """

    orders: dict[str, KnownOrder] = field(default_factory=dict)
    around: Surroundings = field(default_factory=Surroundings)
    changed: set[str] = field(default_factory=set)
    freed: set[str] = field(default_factory=set)
    events: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    opened: list[dict[str, Any]] = field(default_factory=list)
    settled: list[dict[str, Any]] = field(default_factory=list)
    began_ns: int = field(default_factory=time.time_ns)

    @classmethod
    def of_all(cls, outcomes: Iterable[Self]) -> Self:
        """Return the outcomes of different orders as one."""
        together = cls()
        for outcome in outcomes:
            together.orders |= outcome.orders
            together.changed |= outcome.changed
            together.freed |= outcome.freed
            together.events += outcome.events
            together.verdicts += outcome.verdicts
            together.opened += outcome.opened
            together.settled += outcome.settled
        return together

    def add_change(self, change: OrderChange, cause: Cause) -> None:
        """Add the rows of a change of one order."""
        order_no = change.order.order_no
        self.orders[order_no] = change.order
        self.changed.add(order_no)
        self.events += _event_rows(change, cause)
        self.opened += [review_row(review) for review in change.opened]
        self.settled += [settlement_row(settled) for settled in change.settled]


async def known_before(
    session: AsyncSession, taken: Sequence[TakenNotice], policy: Policy
) -> Known:
    """Read what these notices need to be judged; most need only their orders and relatives.

    Only a payment cycle after the first needs the last call of its status, and the answer to that
    call.
    """
    order_nos = {number for one in taken for number in one.order_nos}
    if not order_nos:
        return Known({})
    orders = await sql.known_orders(session, order_nos)
    around = await _around(session, taken, orders, policy)
    known = Known(orders, (), around, times=await _times(session, taken, orders, policy))
    recurring = _recurring(taken, known)
    if not recurring:
        return known
    again = {
        (event["order_no"], event["status"])
        for event in decide(recurring, known, policy).events
        if event["occurrence"] is not None and event["occurrence"] > 1
    }
    if not again:
        return known
    last_calls = await sql.last_calls(session, again)
    ids = {notice_id for calls in last_calls.values() for notice_id in calls.values()}
    orders = {
        number: replace(order, last_call=last_calls.get(number, {}))
        for number, order in known.orders.items()
    }
    answered = await sql.answered_of(session, ids | {one.notice.id for one in taken})
    return Known(orders, answered, known.around, times=known.times)


async def _times(
    session: AsyncSession,
    taken: Sequence[TakenNotice],
    orders: Mapping[str, KnownOrder],
    policy: Policy,
) -> dict[UUID, datetime]:
    """Read the times that mails state for these notices, if there are mails."""
    if not policy.mails.in_use:
        return {}
    told = [
        ToldStatus(one.notice.id, number, status, one.notice.received_at)
        for one in taken
        if (number := one.order_no_among(orders)) and (status := one.call.meant.get("status"))
    ]
    return await mail_times(session, told)


def _recurring(taken: Sequence[TakenNotice], known: Known) -> list[TakenNotice]:
    """Return the notices of orders that may get a status once more in a new payment cycle."""
    had = {(number, status) for number, order in known.orders.items() for status in order.had}
    recurring = set()
    for one in taken:
        order_no = one.order_no_among(known.orders)
        status = parse_status(one.call.meant.get("status"))
        if status is not None and status.recurs:
            if (order_no, status) in had:
                recurring.add(order_no)
            had.add((order_no, status))
    return [one for one in taken if one.order_no_among(known.orders) in recurring]


async def _around(
    session: AsyncSession,
    taken: Sequence[TakenNotice],
    orders: Mapping[str, KnownOrder],
    policy: Policy,
) -> Surroundings:
    """Read what is around the orders of these notices."""
    found = [(one, number) for one in taken if (number := one.order_no_among(orders))]
    calls = [
        (one.call.meant, orders[number].values if number in orders else {}) for one, number in found
    ]
    order_nos = {number for _, number in found}
    return await read_around(session, calls, order_nos, policy.sendid_scope)


def decide(taken: Sequence[TakenNotice], known: Known, policy: Policy) -> JudgedBatch:
    """Judge the notices in order against the known facts."""
    outcome = JudgedBatch(dict(known.orders), known.around.copy())
    for one in taken:
        order_no = one.order_no_among(outcome.orders)
        order = outcome.orders.get(order_no) or KnownOrder(order_no)
        judged = JudgedCall(
            one.notice.id, one.call, one.notice.released, one.notice.cut, one.notice.received_at
        )
        judgement = judge(
            judged, order, policy.ip_codes, known.answered, outcome.around, policy.release_on
        )
        _add(outcome, one, order_no, judgement, known.times.get(one.notice.id))
    return outcome


async def write(session: AsyncSession, outcome: JudgedBatch, first_wait: timedelta) -> None:
    """Write verdicts, orders, reviews, events and outbound webhooks.

    Events come last: from then on, other batches with events wait for this transaction.
    """
    orders = [_order_row(outcome.orders[order_no]) for order_no in sorted(outcome.changed)]
    await sql.write_orders(session, orders)
    await sql.write_verdicts(session, outcome.verdicts)
    await write_reviews(session, outcome.opened, outcome.settled, outcome.freed)
    await sql.write_events(session, outcome.events)
    if outcome.events:
        await fan_out(session, [row["id"] for row in outcome.events], delay=first_wait)


def quarantined(one: TakenNotice, reason: str) -> dict[str, Any]:
    """Return the verdict on a notice whose outcome cannot be written.

    Its number and status stay, so that it can be found.
    """
    return _verdict_row(
        one, one.call.order_no, Judgement(Verdict.QUARANTINED, (reason,), one.call.flags)
    )


def is_usable(order_no: str) -> bool:
    """Return True if an order can be looked up by this number."""
    return 0 < len(order_no.encode()) <= ORDER_NO_LIMIT


def _add(
    outcome: JudgedBatch,
    one: TakenNotice,
    order_no: str,
    judgement: Judgement,
    occurred_at: datetime | None,
) -> None:
    row = _verdict_row(one, order_no, judgement)
    outcome.verdicts.append(row)
    if judgement.verdict is Verdict.QUARANTINED:
        outcome.opened.append(quarantine_row(row))
    if judgement.order is None:
        return
    outcome.orders[order_no] = judgement.order
    if judgement.frees_relatives:
        outcome.freed.add(order_no)
    if judgement.change is not None:
        notice = one.notice
        cause = Cause(Source(notice.origin), notice.id, notice.received_at, one.call, occurred_at)
        outcome.add_change(judgement.change, cause)


def _event_rows(change: OrderChange, cause: Cause) -> Iterator[dict[str, Any]]:
    customer = customer_of(cause.call) if cause.call else None
    status = cause.call.meant["status"] if cause.call else None
    for event in change.events:
        yield {
            "id": uuid7(),
            "type": event.type,
            "order_no": change.order.order_no,
            "status": status if event.occurrence is not None else None,
            "occurrence": event.occurrence,
            "cycle": event.cycle,
            "sequence": event.sequence,
            "notice_id": cause.notice_id,
            "data": event_data(event, change.order, cause, change.related),
            "customer": customer,
        }


def _order_row(order: KnownOrder) -> dict[str, Any]:
    return {
        "order_no": order.order_no,
        "status": order.current_status,
        "state": order.state,
        "cycle": order.cycle,
        "sequence": order.sequence,
        **{name: order.values.get(name) for name in REMEMBERED},
        "money": money_of(order.values.get("money")),
        "flags": sorted(order.flags),
        "telno_tail": order.telno_tail,
        "released_cycle": order.released_cycle,
        "revoked_cycle": order.revoked_cycle,
        "held_cycle": order.held_cycle,
        "overdue_cycle": order.overdue_cycle,
        "paid_at": order.paid_at,
    }


def _verdict_row(one: TakenNotice, order_no: str, judgement: Judgement) -> dict[str, Any]:
    status = one.call.meant.get("status", "")
    return {
        "id": one.notice.id,
        "verdict": judgement.verdict,
        "reasons": list(judgement.reasons),
        "flags": list(judgement.flags),
        "parameters": dict(one.call.values),
        "order_no": order_no if is_usable(order_no) else None,
        "status": status if len(status) <= ORDER_NO_LIMIT else None,
    }
