"""Verdict on timers: what follows from silence was told once, and nothing else was."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from tests.chaos.verdict import Event, Observed

_PRESUMED = "order.expiry_presumed"
_OVERDUE = "review.required"
_PAID = "payment.received"


def find_in_silence(observed: Observed) -> list[str]:
    """Return what is wrong with presumed expiries and overdue confirmations.

    In these lines the deadline of an order that is never paid is over, and no review is opened but
    of payments that are not confirmed.
    """
    told: dict[str, list[Event]] = defaultdict(list)
    for event in sorted(observed.events, key=lambda event: event.sequence):
        told[event.fact[0]].append(event)
    statuses = defaultdict(set)
    for answer in observed.answers:
        statuses[answer.order_no].add(answer.zeus_status)
    silent = {order_no for order_no, heard in statuses.items() if heard == {"01"}}
    unconfirmed = {order_no for order_no, heard in statuses.items() if heard == {"01", "04"}}
    late = [order_no for order_no, events in told.items() if _comes_after_payment(events)]
    complaints = (
        (_without_one(_PRESUMED, silent, told), "silent orders were not presumed expired once"),
        (_without_one(_OVERDUE, unconfirmed, told), "payments were not found overdue once"),
        (len(late), "orders were presumed expired although they were paid"),
    )
    unfelt = [] if silent and unconfirmed else ["nobody was silent"]
    return [*unfelt, *(f"{wrong} {text}" for wrong, text in complaints if wrong)]


def _without_one(kind: str, orders: set[str], told: Mapping[str, Sequence[Event]]) -> int:
    """Return the number of orders that do not have exactly one event of this type."""
    return sum([event.type for event in told.get(one, ())].count(kind) != 1 for one in orders)


def _comes_after_payment(events: Sequence[Event]) -> bool:
    types = [event.type for event in events]
    return _PAID in types and _PRESUMED in types[types.index(_PAID) :]
