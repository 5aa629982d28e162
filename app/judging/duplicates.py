"""Duplicates: a status repeated in its payment cycle, and the values that must agree."""

from app.judging.verdicts import JudgedCall, Judgement, Verdict
from app.order_life.change import OrderChange
from app.order_life.differing import Differing, details_of
from app.order_life.order_state import COMPARED, KnownOrder, Occurrence, values_of
from app.order_life.relatives import Relative
from app.order_life.reviews import Reason, Review
from app.zeus.statuses import Status


def judge_repetition(
    judged: JudgedCall, order: KnownOrder, earlier: Occurrence, related: tuple[Relative, ...]
) -> Judgement:
    """Judge a repeated status: a duplicate, or a conflict if a value of COMPARED differs."""
    now = values_of(judged.call.meant, COMPARED)
    differing = tuple(
        Differing(name, earlier.values[name], now[name], earlier.notice_id)
        for name in COMPARED
        if name in now and earlier.values.get(name, now[name]) != now[name]
    )
    if not differing:
        status = Status(judged.call.meant["status"])
        return Judgement(
            Verdict.DUPLICATE, (), judged.flags, order.with_call(status, judged.notice_id)
        )
    change = OrderChange(order, related=related, flags=judged.call.flags)
    details = {**details_of(differing), "earlier_notice_id": str(earlier.notice_id)}
    review = Review(Reason.CONFLICT, order.order_no, order.cycle, judged.notice_id, details)
    change.open(review, differing)
    return Judgement(
        Verdict.CONFLICT,
        tuple(f"differs:{one.name}" for one in differing),
        judged.flags,
        change.order,
        change,
    )
