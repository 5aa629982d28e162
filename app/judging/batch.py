"""Batch of notices: known orders, the rules' results, and the rows to write."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from app.db.driver.direct import Statements
from app.forwarding.immediate_leases import LeasedNow
from app.judging import sql
from app.judging.applications.links import FORGED, Applications, Link, link_of
from app.judging.applications.rows import applications_of_calls, write_applications
from app.judging.event_data import Cause, Source
from app.judging.outcome import JudgedBatch, order_row
from app.judging.policy import Policy
from app.judging.quarantine import ORDER_NO_LIMIT
from app.judging.rules import judge
from app.judging.sql import UnjudgedNotice
from app.judging.statements.first_look import look
from app.judging.statements.mail_times import ToldStatus, mail_times
from app.judging.statements.review_rows import quarantine_row, write_reviews
from app.judging.statements.writing import JudgedRows, write_and_lease, write_rows
from app.judging.surroundings import Around, read_around
from app.judging.verdicts import JudgedCall, Judgement, Verdict
from app.order_life.change import OrderChange
from app.order_life.consequences import Surroundings
from app.order_life.order_state import KnownOrder
from app.order_life.reviews import Reason, Review
from app.zeus.corrections import corrected
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
    around the orders, the applications that they come from, and the times that mails state, by
    notice.
    """

    orders: Mapping[str, KnownOrder]
    answered: Collection[UUID] = ()
    around: Surroundings = field(default_factory=Surroundings)
    applications: Applications = field(default_factory=Applications)
    times: Mapping[UUID, datetime] = field(default_factory=dict)


async def known_before(
    session: Statements, taken: Sequence[TakenNotice], policy: Policy
) -> tuple[list[TakenNotice], Known]:
    """Return the notices that nobody judged since they were taken, and what is known before them.

    Most need only their orders and relatives. Only a payment cycle after the first needs the last
    call of its status, and the answer to that call.
    """
    order_nos = {number for one in taken for number in one.order_nos}
    around_calls = _around(taken, {}, policy)
    first = await look(session, [one.notice for one in taken], order_nos, around_calls)
    taken = [one for one in taken if one.notice.id not in first.changed]
    orders, calls = first.orders, [one.call for one in taken]
    applications = await applications_of_calls(session, calls, orders.values(), order_nos, policy)
    asked = _around(taken, orders, policy, applications.by_id)
    around = await read_around(session, asked, around_calls, first.around)
    times = await _times(session, taken, orders, policy)
    known = Known(orders, (), around, applications, times)
    recurring = _recurring(taken, known)
    if not recurring:
        return taken, known
    again = {
        (event["order_no"], event["status"])
        for event in decide(recurring, known, policy).events
        if event["occurrence"] is not None and event["occurrence"] > 1
    }
    if not again:
        return taken, known
    last_calls = await sql.last_calls(session, again)
    ids = {notice_id for calls in last_calls.values() for notice_id in calls.values()}
    orders = {
        number: replace(order, last_call=last_calls.get(number, {}))
        for number, order in known.orders.items()
    }
    answered = await sql.answered_of(session, ids | {one.notice.id for one in taken})
    return taken, replace(known, orders=orders, answered=answered)


async def _times(
    session: Statements,
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


def _around(
    taken: Sequence[TakenNotice],
    orders: Mapping[str, KnownOrder],
    policy: Policy,
    applications: Collection[UUID] = (),
) -> Around:
    """Return what must be read around the orders of these notices."""
    found = [(one, number) for one in taken if (number := one.order_no_among(orders))]
    calls = [
        (one.call.meant, orders[number].values if number in orders else {}) for one, number in found
    ]
    return Around(calls, {number for _, number in found}, policy.sendid_scope, applications)


def decide(taken: Sequence[TakenNotice], known: Known, policy: Policy) -> JudgedBatch:
    """Judge the notices in order against the known facts."""
    outcome = JudgedBatch(dict(known.orders), known.around.copy(), known.applications.copy())
    for one in taken:
        order_no = one.order_no_among(outcome.orders)
        order = outcome.orders.get(order_no) or KnownOrder(order_no)
        notice = one.notice
        from_outside = notice.origin == Source.CALL and not notice.released
        link = link_of(one.call, order, outcome.applications, policy, must_be_signed=from_outside)
        judged = JudgedCall(
            notice.id, one.call, notice.released, notice.cut, notice.received_at, link
        )
        judgement = judge(
            judged, order, policy.ip_codes, known.answered, outcome.around, policy.release_on
        )
        _add(outcome, one, order, judgement, link, known.times.get(one.notice.id))
    return outcome


async def write(
    session: Statements,
    outcome: JudgedBatch,
    first_wait: timedelta,
    leased_now: LeasedNow | None = None,
) -> None:
    """Write verdicts, orders, reviews, events and outbound webhooks.

    Events come last: from then on, other batches with events wait for this transaction. With
    `leased_now`, the webhooks for which this worker has room are leased to it.
    """
    await write_applications(session, outcome.called.values())
    await write_reviews(session, outcome.opened, outcome.settled, outcome.freed)
    orders = [order_row(outcome.orders[order_no]) for order_no in sorted(outcome.changed)]
    rows = JudgedRows(outcome.verdicts, orders, outcome.events)
    room = None
    if leased_now is not None and not first_wait:
        room = leased_now.ask_for_room(len(outcome.events))
    if leased_now is None or room is None:
        await write_rows(session, rows, first_wait)
        return
    made = await write_and_lease(session, rows, room)
    leased_now.webhooks, leased_now.tells_nobody = made.leased, made.tells_nobody


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
    order: KnownOrder,
    judgement: Judgement,
    link: Link,
    occurred_at: datetime | None,
) -> None:
    order_no = order.order_no
    row = _verdict_row(one, order_no, judgement)
    outcome.verdicts.append(row)
    if judgement.order is None:
        _add_quarantined(outcome, one, order, row)
        return
    _add_to_application(outcome, one, order_no, link)
    outcome.orders[order_no] = judgement.order
    if judgement.order.application_id != order.application_id:
        outcome.changed.add(order_no)
    if judgement.frees_relatives:
        outcome.freed.add(order_no)
    if judgement.change is not None:
        notice = one.notice
        cause = Cause(Source(notice.origin), notice.id, notice.received_at, one.call, occurred_at)
        outcome.add_change(judgement.change, cause)


def _add_quarantined(
    outcome: JudgedBatch, one: TakenNotice, order: KnownOrder, row: Mapping[str, Any]
) -> None:
    """Add the review of a notice that could not be judged.

    A forged reference holds the goods of its order, and subscribers learn of it; but nothing that
    the call says.
    """
    if FORGED not in row["reasons"] or order.status is None:
        outcome.opened.append(quarantine_row(row))
        return
    change = OrderChange(order, related=outcome.around.purchases.relatives_of(order))
    details = {"reasons": row["reasons"]}
    change.open(
        Review(Reason.REFERENCE_FORGED, order.order_no, order.cycle, one.notice.id, details)
    )
    notice = one.notice
    cause = Cause(Source(notice.origin), notice.id, notice.received_at)
    outcome.add_change(change, cause)


def _add_to_application(outcome: JudgedBatch, one: TakenNotice, order_no: str, link: Link) -> None:
    """Note in the application what a judged call about its slip tells."""
    if link.applied is None:
        return
    after = link.applied.after_call(order_no, one.call.meant)
    if after != link.applied:
        outcome.applications.put(after)
        outcome.called[after.id] = after


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
