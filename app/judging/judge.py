"""Judging a batch: lock lanes, read what is known, apply the rules in order of arrival, write everything in one transaction."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import now, uuid7
from app.db.connections import describe_error
from app.db.engine import Sessions
from app.forwarding.fan_out import fan_out
from app.judging import store
from app.judging.event_data import STATE_OF, customer_of, event_data
from app.judging.orders import REMEMBERED, Order
from app.judging.rules import ORDER_NO_LIMIT, JudgedCall, Judgement, Verdict, judge
from app.judging.store import UnjudgedNotice
from app.logs import get_logger
from app.metrics import events_created, notices_judged
from app.tracing import spans
from app.zeus.parameters import money_of
from app.zeus.statuses import parse_status
from app.zeus.wire import Call, decode

BATCH = 128

log = get_logger("judging")


@dataclass(slots=True)
class Outcome:
    """What one batch adds up to: rows to write, and the orders as they stand after it."""

    orders: dict[str, Order]
    changed: set[str] = field(default_factory=set)
    events: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    began_ns: int = field(default_factory=time.time_ns)


class Judge:
    """Takes unjudged notices and judges them. Any number may run: each batch holds the lanes it judges under an advisory lock."""

    def __init__(
        self, sessions: Sessions, ip_codes: Collection[str], on_events: Callable[[], None], *, first_wait: timedelta = timedelta(0)
    ) -> None:
        """`on_events` is called after a commit that made events; `first_wait` is the time before their first delivery is due."""
        self._sessions = sessions
        self._ip_codes = frozenset(ip_codes)
        self._on_events = on_events
        self._first_wait = first_wait

    async def judge_batch(self) -> int:
        """Judge one batch and return how many notices it held; 0 when there is nothing to do that others are not doing."""
        try:
            return await self._judge(BATCH)
        except DBAPIError as error:
            if _is_transient(error):
                raise
            log.error("batch_failed", error=describe_error(error))
        return await self._judge_one()

    async def _judge(self, limit: int) -> int:
        async with self._sessions.begin() as session:
            lanes = await store.lock_lanes(session)
            if not lanes:
                return 0
            notices = await store.unjudged(session, lanes, limit)
            outcome = await self._decide(session, notices)
            await _write(session, outcome, self._first_wait)
        self._report(outcome)
        return len(notices)

    async def _judge_one(self) -> int:
        """After a batch that the database refused: one notice at a time, and the one that cannot be written goes to quarantine."""
        async with self._sessions.begin() as session:
            lanes = (await store.lock_lanes(session))[:1]
            notices = await store.unjudged(session, lanes, 1)
            try:
                async with session.begin_nested():
                    outcome = await self._decide(session, notices)
                    await _write(session, outcome, self._first_wait)
            except DBAPIError as error:
                if _is_transient(error):
                    raise
                log.error("notice_unwritable", notice_id=str(notices[0].id), error=describe_error(error))
                refused = Judgement(Verdict.QUARANTINED, (f"unwritable:{getattr(error.orig, 'sqlstate', '')}",))
                outcome = Outcome({}, verdicts=[_verdict_row(notices[0], Call({}, {}, (), ()), refused)])
                await _write(session, outcome, self._first_wait)
        self._report(outcome)
        return len(notices)

    async def _decide(self, session: AsyncSession, notices: Sequence[UnjudgedNotice]) -> Outcome:
        calls = [decode(notice.target.partition(b"?")[2], notice.body) for notice in notices]
        order_nos = {call.values["order_no"] for call in calls if _is_usable(call.values.get("order_no", ""))}
        outcome = Outcome(await store.known_orders(session, order_nos) if order_nos else {})
        answered = await _answered(session, notices, calls, outcome.orders)
        for notice, call in zip(notices, calls, strict=True):
            order_no = call.values.get("order_no", "")
            order = outcome.orders.get(order_no) or Order(order_no)
            judgement = judge(JudgedCall(notice.id, call, notice.released, notice.cut), order, self._ip_codes, answered)
            _add(outcome, notice, call, judgement)
        return outcome

    def _report(self, outcome: Outcome) -> None:
        for verdict, count in Counter(row["verdict"] for row in outcome.verdicts).items():
            notices_judged.labels(verdict).inc(count)
        for event_type, count in Counter(row["type"] for row in outcome.events).items():
            events_created.labels(event_type).inc(count)
        for event in outcome.events:
            log.debug("event_made", event_id=str(event["id"]), notice_id=str(event["notice_id"]), type=event["type"])
        for row in outcome.verdicts:
            log.debug("notice_judged", notice_id=str(row["id"]), verdict=row["verdict"])
            spans.judged(row["id"], outcome.began_ns, {"verdict": str(row["verdict"])})
            if row["verdict"] in (Verdict.QUARANTINED, Verdict.CONFLICT):
                log.warning("needs_attention", notice_id=str(row["id"]), verdict=row["verdict"], reasons=row["reasons"])
        if outcome.events:
            self._on_events()


async def _answered(session: AsyncSession, notices: Sequence[UnjudgedNotice], calls: Sequence[Call], orders: dict[str, Order]) -> set[UUID]:
    """The answered notices that matter here, and the last calls of the orders that need them: those with a status they had before."""
    seen: set[tuple[str, str]] = set()
    again: set[str] = set()
    for call in calls:
        order_no, status = call.values.get("order_no", ""), parse_status(call.values.get("status"))
        if status is None or not status.recurs:
            continue
        if (order_no, status) in seen or (order_no in orders and status in orders[order_no].had):
            again.add(order_no)
        seen.add((order_no, status))
    if not again:
        return set()
    last_calls = await store.last_calls(session, again)
    for order_no in again & orders.keys():
        orders[order_no] = replace(orders[order_no], last_call=last_calls.get(order_no, {}))
    ids = {notice_id for calls_of in last_calls.values() for notice_id in calls_of.values()}
    return await store.answered_of(session, ids | {notice.id for notice in notices})


def _add(outcome: Outcome, notice: UnjudgedNotice, call: Call, judgement: Judgement) -> None:
    outcome.verdicts.append(_verdict_row(notice, call, judgement))
    if judgement.order is None:
        return
    outcome.orders[judgement.order.order_no] = judgement.order
    if not judgement.events:
        return
    outcome.changed.add(judgement.order.order_no)
    for event in judgement.events:
        outcome.events.append(
            {
                "id": uuid7(),
                "type": event.type,
                "order_no": judgement.order.order_no,
                "status": call.values["status"] if event.occurrence is not None else None,
                "occurrence": event.occurrence,
                "cycle": event.cycle,
                "sequence": event.sequence,
                "notice_id": notice.id,
                "created_at": now(),
                "data": event_data(event, call, judgement.order.standing, notice.id, notice.received_at),
                "customer": customer_of(call),
            }
        )


async def _write(session: AsyncSession, outcome: Outcome, first_wait: timedelta) -> None:
    orders = [_order_row(outcome.orders[order_no]) for order_no in sorted(outcome.changed)]
    await store.write(session, orders=orders, events=outcome.events, verdicts=outcome.verdicts)
    if outcome.events:
        await fan_out(session, [row["id"] for row in outcome.events], delay=first_wait)


def _order_row(order: Order) -> dict[str, Any]:
    return {
        "order_no": order.order_no,
        "status": order.standing,
        "state": STATE_OF[order.standing],
        "cycle": order.cycle,
        "sequence": order.sequence,
        **{name: order.values.get(name) for name in REMEMBERED},
        "money": money_of(order.values.get("money")),
        "flags": sorted(order.flags),
        "telno_tail": order.telno_tail,
    }


def _verdict_row(notice: UnjudgedNotice, call: Call, judgement: Judgement) -> dict[str, Any]:
    order_no, status = call.values.get("order_no", ""), call.values.get("status", "")
    return {
        "id": notice.id,
        "verdict": judgement.verdict,
        "reasons": list(judgement.reasons),
        "flags": list(judgement.flags),
        "parameters": dict(call.values),
        "order_no": order_no if _is_usable(order_no) else None,
        "status": status if len(status) <= ORDER_NO_LIMIT else None,
    }


def _is_usable(order_no: str) -> bool:
    return 0 < len(order_no.encode()) <= ORDER_NO_LIMIT


def _is_transient(error: DBAPIError) -> bool:
    """Whether the trouble is with the server or the connection and not with what was to be written (SQLSTATE classes 22, 23, 54)."""
    return str(getattr(error.orig, "sqlstate", None) or "")[:2] not in ("22", "23", "54")
