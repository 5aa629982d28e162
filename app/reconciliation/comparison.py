"""Comparison of one exported row with what is known of its order. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from app.reconciliation.reader import ExportedOrder
from app.zeus.statuses import Status, Step, step


class Outcome(StrEnum):
    """Outcome of the comparison of an order."""

    AGREES = "agrees"
    """Both know the same, or the file is older."""
    UNKNOWN_HERE = "unknown_here"
    """No call about the order was judged."""
    BEHIND = "behind"
    """Zeus lists a status of which no call came."""
    AMOUNT_DIFFERS = "amount_differs"
    """Zeus lists another amount."""
    UNKNOWN_THERE = "unknown_there"
    """The order was created here in the time of the file, which does not list it."""


@dataclass(frozen=True, slots=True)
class OrderHere:
    """What is known of an order.

    `had` holds its statuses in the current payment cycle, `had_ever` those of all cycles.
    """

    status: Status
    money: int | None
    had: frozenset[Status]
    had_ever: frozenset[Status]


def compare(there: ExportedOrder, here: OrderHere | None) -> Outcome:
    """Return the outcome for a row of the file. `here` is None for an unknown order.

    An order that was cancelled (キャンセル, 番組停止) agrees once it is known: no call tells that.
    """
    if here is None:
        return Outcome.UNKNOWN_HERE
    if there.status is None:
        return Outcome.AGREES
    if None not in (there.money, here.money) and there.money != here.money:
        return Outcome.AMOUNT_DIFFERS
    return Outcome.AGREES if _is_known(there.status, here) else Outcome.BEHIND


def can_heal(there: ExportedOrder, here: OrderHere | None) -> bool:
    """Return True if a notice may be made of a row that is unknown here or behind.

    Never of a status that an order had in an earlier payment cycle, nor of a new payment after a
    reversal: the file may be older than the reversal, and would invent money. An amount that
    differs is for a human.
    """
    if there.status is None:
        return False
    if here is None:
        return True
    return (
        compare(there, here) is Outcome.BEHIND
        and there.status not in here.had_ever
        and step(here.status, there.status) is not Step.PAID_AGAIN
    )


def _is_known(status: Status, here: OrderHere) -> bool:
    meaning = step(here.status, status)
    if meaning is Step.PAID_AGAIN:
        return False
    return meaning in (Step.LATE, Step.REPEATED) or status in here.had
