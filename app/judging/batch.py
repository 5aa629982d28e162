"""Batch of notices: known orders, the rules' results, and the rows to write."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import uuid7
from app.forwarding.fan_out import fan_out
from app.judging import sql
from app.judging.event_data import STATE_OF, customer_of, event_data
from app.judging.order_state import REMEMBERED, KnownOrder
from app.judging.quarantine import ORDER_NO_LIMIT
from app.judging.rules import judge
from app.judging.sql import UnjudgedNotice
from app.judging.verdicts import JudgedCall, Judgement, Verdict
from app.zeus.parameters import money_of
from app.zeus.wire import Call, decode


@dataclass(frozen=True, slots=True)
class TakenNotice:
    """A notice being judged, and the call that its bytes contain."""

    notice: UnjudgedNotice
    call: Call

    @classmethod
    def of(cls, notice: UnjudgedNotice) -> Self:
        """Decode the notice."""
        return cls(notice, decode(notice.target.partition(b"?")[2], notice.body))

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
    """Known facts before a batch: its orders, and the notices whose answers went out in time."""

    orders: Mapping[str, KnownOrder]
    answered: Collection[UUID] = ()


@dataclass(slots=True)
class JudgedBatch:
    """Result of a batch: rows to write, and the orders after it."""

    orders: dict[str, KnownOrder] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    events: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    began_ns: int = field(default_factory=time.time_ns)

    @classmethod
    def of_all(cls, outcomes: Iterable[Self]) -> Self:
        """Return the outcomes of different orders as one."""
        together = cls()
        for outcome in outcomes:
            together.orders |= outcome.orders
            together.changed |= outcome.changed
            together.events += outcome.events
            together.verdicts += outcome.verdicts
        return together


async def known_before(
    session: AsyncSession, taken: Sequence[TakenNotice], ip_codes: Collection[str]
) -> Known:
    """Read what these notices need to be judged; most need only their orders.

    Only a payment cycle after the first needs the last call of its status, and the answer to that
    call.
    """
    order_nos = {number for one in taken for number in one.order_nos}
    known = Known(await sql.known_orders(session, order_nos) if order_nos else {})
    again = {
        (event["order_no"], event["status"])
        for event in decide(taken, known, ip_codes).events
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
    return Known(orders, await sql.answered_of(session, ids | {one.notice.id for one in taken}))


def decide(taken: Sequence[TakenNotice], known: Known, ip_codes: Collection[str]) -> JudgedBatch:
    """Judge the notices in order against the known facts."""
    outcome = JudgedBatch(dict(known.orders))
    for one in taken:
        order_no = one.order_no_among(outcome.orders)
        order = outcome.orders.get(order_no) or KnownOrder(order_no)
        judged = JudgedCall(one.notice.id, one.call, one.notice.released, one.notice.cut)
        _add(outcome, one, order_no, judge(judged, order, ip_codes, known.answered))
    return outcome


async def write(session: AsyncSession, outcome: JudgedBatch, first_wait: timedelta) -> None:
    """Write verdicts, orders, events and outbound webhooks."""
    orders = [_order_row(outcome.orders[order_no]) for order_no in sorted(outcome.changed)]
    await sql.write(session, orders=orders, events=outcome.events, verdicts=outcome.verdicts)
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


def _add(outcome: JudgedBatch, one: TakenNotice, order_no: str, judgement: Judgement) -> None:
    outcome.verdicts.append(_verdict_row(one, order_no, judgement))
    if judgement.order is None:
        return
    outcome.orders[order_no] = judgement.order
    if not judgement.events:
        return
    outcome.changed.add(order_no)
    for event in judgement.events:
        outcome.events.append(
            {
                "id": uuid7(),
                "type": event.type,
                "order_no": order_no,
                "status": one.call.meant["status"] if event.occurrence is not None else None,
                "occurrence": event.occurrence,
                "cycle": event.cycle,
                "sequence": event.sequence,
                "notice_id": one.notice.id,
                "data": event_data(
                    event, one.call, judgement.order, one.notice.id, one.notice.received_at
                ),
                "customer": customer_of(one.call),
            }
        )


def _order_row(order: KnownOrder) -> dict[str, Any]:
    return {
        "order_no": order.order_no,
        "status": order.current_status,
        "state": STATE_OF[order.current_status],
        "cycle": order.cycle,
        "sequence": order.sequence,
        **{name: order.values.get(name) for name in REMEMBERED},
        "money": money_of(order.values.get("money")),
        "flags": sorted(order.flags),
        "telno_tail": order.telno_tail,
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
