"""Duplicates: a status repeated in its payment cycle, and the values that must agree."""

from dataclasses import replace

from app.judging.order_state import COMPARED, KnownOrder, Occurrence, values_of
from app.judging.verdicts import JudgedCall, Judgement, Verdict, review_event
from app.zeus.statuses import Status


def judge_repetition(judged: JudgedCall, order: KnownOrder, earlier: Occurrence) -> Judgement:
    """Judge a repeated status: a duplicate, or a conflict if a value of COMPARED differs."""
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
    review = review_event(
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
