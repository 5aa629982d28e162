"""The rules: a notice and what is known of its order in, a verdict with reasons, flags and events out. Pure."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from app.events.types import EventType
from app.judging.order_state import COMPARED, REMEMBERED, KnownOrder, Occurrence, values_of
from app.zeus.parameters import deadline_of, money_of, telno_tail_of
from app.zeus.statuses import Status, Step, parse_status, step
from app.zeus.stores import store_of
from app.zeus.wire import Call

ORDER_NO_LIMIT = 255
"""Bytes of an order_no that can be looked up. The manual allows 50."""

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


class Verdict(StrEnum):
    """What became of a notice."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class JudgedCall:
    """A notice ready to be judged.

    `released`: a human looked at it and wants it judged in spite of what is wrong with it. `cut`: its end was too long to be kept.
    """

    notice_id: UUID
    call: Call
    released: bool = False
    cut: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """What was odd about the call and its keeping, sorted."""
        return tuple(sorted((*self.call.flags, "cut"))) if self.cut else self.call.flags


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that follows from a notice. `occurrence` is None for a review, which is no status of the order."""

    type: EventType
    sequence: int
    occurrence: int | None
    cycle: int
    flags: tuple[str, ...]
    previous: Status | None
    review: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one notice and what follows from it; `order` is the order afterwards, None if there is none to speak of."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    events: tuple[NewEvent, ...] = ()
    order: KnownOrder | None = None


def quarantine_reasons(call: Call, ip_codes: Collection[str]) -> tuple[str, ...]:
    """Why a call cannot be judged, if so. Status codes of Zeus's other services collide with these, so clientip counts first."""
    reasons = list(call.problems)
    clientip = call.meant.get("clientip")
    if ip_codes and clientip and clientip not in ip_codes:
        reasons.append("unknown_ip_code")
    return (*reasons, *unreadable_reasons(call))


def unreadable_reasons(call: Call) -> tuple[str, ...]:
    """What is missing so badly that no release can help: without order_no and status there is nothing to judge."""
    reasons = []
    if not call.order_no:
        reasons.append("missing_order_no")
    elif len(call.order_no.encode()) > ORDER_NO_LIMIT:
        reasons.append("unusable_order_no")
    if not call.meant.get("status"):
        reasons.append("missing_status")
    elif parse_status(call.meant["status"]) is None:
        reasons.append("unknown_status")
    return tuple(reasons)


def judge(
    judged: JudgedCall, order: KnownOrder, ip_codes: Collection[str], answered: Collection[UUID]
) -> Judgement:
    """Judge one call against its order as it stands. `answered` holds the notices whose answers are known to have gone out in time."""
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
        )  # the order was reversed before we heard of the payment: this is the missing call
    if earlier is not None and meaning is not Step.PAID_AGAIN:
        return _judge_repetition(judged, order, earlier)
    return _accept(judged, order, status, meaning, answered)


def _judge_repetition(judged: JudgedCall, order: KnownOrder, earlier: Occurrence) -> Judgement:
    """The status again: the same call sent twice, unless what both carry of money, contract, slip or deadline differs."""
    now = values_of(judged.call.meant, COMPARED)
    differing = [
        name
        for name in COMPARED
        if name in now and earlier.values.get(name, now[name]) != now[name]
    ]
    if not differing:
        status = Status(judged.call.meant["status"])
        return Judgement(
            Verdict.DUPLICATE, (), judged.flags, (), order.with_call(status, judged.notice_id)
        )
    after = replace(order, sequence=order.sequence + 1)
    review = _review(
        after,
        judged.call,
        "conflict",
        {"differing": differing, "earlier_notice_id": str(earlier.notice_id)},
    )
    return Judgement(
        Verdict.CONFLICT,
        tuple(f"differs:{name}" for name in differing),
        judged.flags,
        (review,),
        after,
    )


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
        )  # Zeus may be repeating the earlier call because it never saw our answer
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
    review = replace(_review(after, call, meaning.value, {}), previous=order.status)
    return Judgement(Verdict.ACCEPTED, (), event.flags, (event, review), after)


def _review(after: KnownOrder, call: Call, reason: str, details: dict[str, object]) -> NewEvent:
    review = {"reason": reason, **details}
    return NewEvent(
        EventType.REVIEW_REQUIRED,
        after.sequence,
        None,
        after.cycle,
        call.flags,
        after.status,
        review,
    )


def _step_flags(meaning: Step) -> frozenset[str]:
    if meaning.needs_review:
        return frozenset({"contradiction"})
    return frozenset({meaning.value} if meaning in (Step.LATE, Step.GAP) else ())


def _value_flags(call: Call) -> set[str]:
    """Values that subscribers get as null because they are not of the manual's form, and a store that is not in its table."""
    flags = set()
    if call.meant.get("money") and money_of(call.meant["money"]) is None:
        flags.add("unreadable:money")
    if call.meant.get("pay_limit") and deadline_of(call.meant["pay_limit"]) is None:
        flags.add("unreadable:pay_limit")
    if call.meant.get("pay_cvs") and store_of(call.meant["pay_cvs"]) is None:
        flags.add("unknown_store")
    return flags
