"""Rules of judging: a notice and its order in, a verdict and events out. Pure."""

from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from app.events.types import EventType
from app.judging.duplicates import judge_repetition
from app.judging.order_state import COMPARED, REMEMBERED, KnownOrder, Occurrence, values_of
from app.judging.quarantine import quarantine_reasons, unreadable_reasons
from app.judging.verdicts import JudgedCall, Judgement, NewEvent, Verdict, review_event
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


def judge(
    judged: JudgedCall, order: KnownOrder, ip_codes: Collection[str], answered: Collection[UUID]
) -> Judgement:
    """Judge one call against its order.

    `answered` holds the notices whose answers are known to have gone out in time.
    """
    call = judged.call
    reasons = unreadable_reasons(call) if judged.released else quarantine_reasons(call, ip_codes)
    if reasons:
        return Judgement(
            Verdict.QUARANTINED, (*(("cut",) if judged.cut else ()), *reasons), judged.flags
        )
    status = Status(call.meant["status"])
    meaning = step(order.status, status)
    earlier = order.in_this_cycle(status)
    if meaning is Step.PAID_AGAIN and earlier is None:
        meaning = (
            Step.LATE
        )  # the order was reversed before the payment's call came: this is that call
    if earlier is not None and meaning is not Step.PAID_AGAIN:
        return judge_repetition(judged, order, earlier)
    return _accept(judged, order, status, meaning, answered)


def _accept(
    judged: JudgedCall, order: KnownOrder, status: Status, meaning: Step, answered: Collection[UUID]
) -> Judgement:
    call = judged.call
    last = order.had.get(status)
    number = last.number + 1 if last else 1
    flags = {
        *judged.flags,
        *_value_flags(call),
        *_step_flags(meaning),
        *(("released",) if judged.released else ()),
    }
    if last and order.last_call.get(status) not in answered:
        flags.add(
            "repeat_unclear"
        )  # Zeus may repeat the earlier call because it never saw our answer
    after = replace(
        order,
        status=status if meaning.moves else order.status,
        cycle=order.cycle + (meaning is Step.PAID_AGAIN),
        sequence=order.sequence + 1,
        values={**order.values, **values_of(call.meant, REMEMBERED)},
        flags=order.flags | _step_flags(meaning),
        telno_tail=telno_tail_of(call.meant.get("telno")) or order.telno_tail,
    )
    after = after.with_occurrence(
        status, Occurrence(number, after.cycle, judged.notice_id, values_of(call.meant, COMPARED))
    )
    event = NewEvent(
        EVENT_OF[status], after.sequence, number, after.cycle, tuple(sorted(flags)), order.status
    )
    if not meaning.needs_review:
        return Judgement(Verdict.ACCEPTED, (), event.flags, (event,), after)
    after = replace(after, sequence=after.sequence + 1)
    review = replace(review_event(after, call, meaning.value, {}), previous=order.status)
    return Judgement(Verdict.ACCEPTED, (), event.flags, (event, review), after)


def _step_flags(meaning: Step) -> frozenset[str]:
    if meaning.needs_review:
        return frozenset({"contradiction"})
    return frozenset({meaning.value} if meaning in (Step.LATE, Step.GAP) else ())


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
