"""Rules of judging: a notice and its order in, a verdict and events out. Pure."""

from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from app.events.types import EventType
from app.judging.quarantine import quarantine_reasons, unreadable_reasons
from app.judging.verdicts import JudgedCall, Judgement, Verdict
from app.order_life.change import NewEvent, OrderChange
from app.order_life.consequences import (
    Arrival,
    Surroundings,
    follow,
    follow_link,
    stops_being_paid,
)
from app.order_life.differing import Differing, details_of, differing_values
from app.order_life.order_state import COMPARED, REMEMBERED, KnownOrder, Occurrence, values_of
from app.order_life.release import ReleaseOn
from app.order_life.reviews import Reason, Review
from app.zeus.parameters import deadline_of, money_of, telno_tail_of
from app.zeus.statuses import Status, Step, step
from app.zeus.stores import store_of
from app.zeus.wire import Call

EVENT_OF = {
    Status.ACCEPTED: EventType.ORDER_ACCEPTED,
    Status.FAILED: EventType.ORDER_FAILED,
    Status.EXPIRED: EventType.ORDER_EXPIRED,
    Status.PAID: EventType.PAYMENT_RECEIVED,
    Status.CONFIRMED: EventType.PAYMENT_CONFIRMED,
    Status.REVERSED: EventType.PAYMENT_REVERSED,
    Status.PAID_AFTER_CANCEL: EventType.CANCELLED_ORDER_PAYMENT_RECEIVED,
    Status.CONFIRMED_AFTER_CANCEL: EventType.CANCELLED_ORDER_PAYMENT_CONFIRMED,
    Status.REVERSED_AFTER_CANCEL: EventType.CANCELLED_ORDER_PAYMENT_REVERSED,
}

_NOTHING_AROUND = Surroundings()


def judge(
    judged: JudgedCall,
    order: KnownOrder,
    ip_codes: Collection[str],
    answered: Collection[UUID],
    around: Surroundings = _NOTHING_AROUND,
    release_on: ReleaseOn = ReleaseOn.CONFIRMED,
) -> Judgement:
    """Judge one call against its order and what is known around it.

    `answered` holds the notices whose answers are known to have gone out in time.
    """
    call = judged.call
    reasons = unreadable_reasons(call) if judged.released else quarantine_reasons(call, ip_codes)
    reasons = (*reasons, *judged.link.faults)
    if reasons:
        return Judgement(
            Verdict.QUARANTINED, (*(("cut",) if judged.cut else ()), *reasons), judged.flags
        )
    status = Status(call.meant["status"])
    meaning = step(order.status, status)
    applied, linked = judged.link.applied, _linked(order, judged)
    earlier = order.in_this_cycle(status)
    if meaning is Step.PAID_AGAIN and earlier is None:
        meaning = (
            Step.LATE
        )  # the order was reversed before the payment's call came: this is that call
    if earlier is not None and meaning is not Step.PAID_AGAIN:
        return _judge_repetition(judged, order, linked, earlier, around)
    cycle = order.cycle + (meaning is Step.PAID_AGAIN)
    differing = differing_values(status, call.meant, order, cycle)
    if applied is not None:
        differing = _with_applied(differing, applied.differing(order.order_no, call.meant))
    change = _accept(judged, linked, meaning, answered, differing)
    if meaning.needs_review:
        details = {"status": status.value, "known_status": order.current_status.value}
        change.open(Review(Reason(meaning.value), order.order_no, cycle, judged.notice_id, details))
    arrival = Arrival(status, call.meant, judged.notice_id, order, differing, applied)
    follow(change, arrival, around, release_on)
    return Judgement(
        Verdict.ACCEPTED,
        (),
        change.events[0].flags,
        change.order,
        change,
        stops_being_paid(order, change.order),
    )


def _judge_repetition(
    judged: JudgedCall,
    before: KnownOrder,
    order: KnownOrder,
    earlier: Occurrence,
    around: Surroundings,
) -> Judgement:
    """Judge a repeated status: a duplicate, or a conflict if a value of COMPARED differs.

    The order may be linked with its application now, unlike `before`.
    """
    notice_id, meant = judged.notice_id, judged.call.meant
    now = values_of(meant, COMPARED)
    differing = tuple(
        Differing(name, earlier.values[name], now[name], earlier.notice_id)
        for name in COMPARED
        if name in now and earlier.values.get(name, now[name]) != now[name]
    )
    change = OrderChange(order, flags=judged.call.flags)
    change.related = around.purchases.relatives_of(order)
    if differing:
        details = {**details_of(differing), "earlier_notice_id": str(earlier.notice_id)}
        change.open(
            Review(Reason.CONFLICT, order.order_no, order.cycle, notice_id, details), differing
        )
    else:
        change.order = order.with_call(Status(meant["status"]), notice_id)
    if order is not before:
        follow_link(change, before, notice_id, around.purchases)
    return Judgement(
        Verdict.CONFLICT if differing else Verdict.DUPLICATE,
        tuple(f"differs:{one.name}" for one in differing),
        judged.flags,
        change.order,
        change if change.events else None,
    )


def _linked(order: KnownOrder, judged: JudgedCall) -> KnownOrder:
    """Return the order with the application that it came from, and the deadline that this tells."""
    applied = judged.link.applied
    if applied is None or order.application_id is not None:
        return order
    told = applied.order_no == order.order_no and applied.pay_limit
    values = {"pay_limit": told, **order.values} if told else order.values
    return replace(order, application_id=applied.id, test=applied.test, values=values)


def _with_applied(
    differing: tuple[Differing, ...], from_application: tuple[Differing, ...]
) -> tuple[Differing, ...]:
    """Return both; a value that differs from another call's too is named once."""
    named = {one.name for one in differing}
    return (*differing, *(one for one in from_application if one.name not in named))


def _accept(
    judged: JudgedCall,
    order: KnownOrder,
    meaning: Step,
    answered: Collection[UUID],
    differing: tuple[Differing, ...],
) -> OrderChange:
    """Return the order with the new fact, and the event that tells it."""
    call = judged.call
    status = Status(call.meant["status"])
    last = order.had.get(status)
    number = last.number + 1 if last else 1
    flags = {
        *judged.flags,
        *_value_flags(call),
        *_step_flags(meaning, differing),
        *_amount_flags(judged),
        *(("released",) if judged.released else ()),
    }
    if last and order.last_call.get(status) not in answered:
        flags.add(
            "repeat_unclear"
        )  # Zeus may repeat the earlier call because it never saw our answer
    after = _after(judged, order, meaning, differing, number)
    change = OrderChange(after, flags=call.flags, previous=order.status)
    change.events.append(
        NewEvent(
            EVENT_OF[status],
            after.sequence,
            number,
            after.cycle,
            tuple(sorted(flags)),
            order.status,
            differing=differing,
        )
    )
    return change


def _after(
    judged: JudgedCall,
    order: KnownOrder,
    meaning: Step,
    differing: tuple[Differing, ...],
    number: int,
) -> KnownOrder:
    """Return the order after this call, the occurrence `number` of its status."""
    meant = judged.call.meant
    status = Status(meant["status"])
    cycle = order.cycle + (meaning is Step.PAID_AGAIN)
    values = values_of(meant, REMEMBERED)
    is_prompt_report = status.payable and not status.final
    return replace(
        order,
        status=status if meaning.moves else order.status,
        cycle=cycle,
        sequence=order.sequence + 1,
        had={**order.had, status: Occurrence(number, cycle, judged.notice_id, values)},
        last_call={**order.last_call, status: judged.notice_id},
        values={**order.values, **values},
        flags=order.flags | _step_flags(meaning, differing) | _amount_flags(judged),
        telno_tail=telno_tail_of(meant.get("telno")) or order.telno_tail,
        paid_at=judged.received_at if meaning.moves and is_prompt_report else order.paid_at,
    )


def _step_flags(meaning: Step, differing: tuple[Differing, ...]) -> frozenset[str]:
    flags = {"values_differ"} if differing else set()
    if meaning.needs_review:
        flags.add("contradiction")
    elif meaning in (Step.LATE, Step.GAP):
        flags.add(meaning.value)
    return frozenset(flags)


def _amount_flags(judged: JudgedCall) -> frozenset[str]:
    applied = judged.link.applied
    differs = applied is not None and applied.other_amount(judged.call.meant) is not None
    return frozenset({"amount_differs"} if differs else ())


def _value_flags(call: Call) -> set[str]:
    """Return flags for values that are not of the manual's form, which subscribers get as null, and
    for an unknown store.
    """
    flags = set()
    if call.meant.get("money") and money_of(call.meant["money"]) is None:
        flags.add("unreadable:money")
    if call.meant.get("pay_limit") and deadline_of(call.meant["pay_limit"]) is None:
        flags.add("unreadable:pay_limit")
    if call.meant.get("pay_cvs") and store_of(call.meant["pay_cvs"]) is None:
        flags.add("unknown_store")
    return flags
