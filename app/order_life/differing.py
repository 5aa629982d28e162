"""Differing values: what two statuses of one payment say differently."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from app.order_life.order_state import REMEMBERED, KnownOrder, Occurrence
from app.zeus.parameters import money_of
from app.zeus.statuses import Status


class Differing(NamedTuple):
    """A value that another notice of the payment spelled differently, and that notice.

    `notice_id` is None where the application says the other value.
    """

    name: str
    before: str
    now: str
    notice_id: UUID | None

    @property
    def in_event(self) -> dict[str, str | None]:
        """Return it as events and reviews show it."""
        return {**self._asdict(), "notice_id": _text_of(self.notice_id)}


def differing_values(
    status: Status, meant: Mapping[str, str], order: KnownOrder, cycle: int
) -> tuple[Differing, ...]:
    """Return the values of an arriving call that differ from other statuses of its payment cycle.

    A payment must agree with its other statuses and with its 01. Only the first notice that says
    something else is named for each value. An amount that nobody can read is not compared.
    """
    if not status.recurs and status is not Status.ACCEPTED:
        return ()
    earlier = list(_earlier(status, order, cycle))
    found = []
    for name in REMEMBERED:
        now = meant.get(name)
        if not now or (name == "money" and money_of(now) is None):
            continue
        for occurrence in earlier:
            before = occurrence.values.get(name, now)
            if before != now and not (name == "money" and money_of(before) is None):
                found.append(Differing(name, before, now, occurrence.notice_id))
                break
    return tuple(found)


def differed_already(one: Differing, status: Status, order: KnownOrder, cycle: int) -> bool:
    """Return True if another notice of the payment said the new value too.

    Then the difference was there before the call with `status`, and a human knows of it.
    """
    earlier = _earlier(status, order, cycle)
    return any(occurrence.values.get(one.name) == one.now for occurrence in earlier)


def details_of(differing: Sequence[Differing]) -> dict[str, Any]:
    """Return what a review says about differing values."""
    return {
        "differing": [one.name for one in differing],
        "values": {
            one.name: {"before": one.before, "now": one.now, "notice_id": _text_of(one.notice_id)}
            for one in differing
        },
    }


def _earlier(status: Status, order: KnownOrder, cycle: int) -> Iterator[Occurrence]:
    """Yield the occurrences that must agree with `status`, 01 first."""
    for other, occurrence in sorted(order.had.items()):
        belongs = other is Status.ACCEPTED or (other.recurs and occurrence.cycle == cycle)
        if belongs and other is not status:
            yield occurrence


def _text_of(notice_id: UUID | None) -> str | None:
    return str(notice_id) if notice_id else None
