"""Verdicts: the result of judging one notice, with reasons, flags and new events."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.events.types import EventType
from app.judging.order_state import KnownOrder
from app.zeus.statuses import Status
from app.zeus.wire import Call


class Verdict(StrEnum):
    """Result of judging a notice."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class JudgedCall:
    """A notice ready to be judged.

    `released`: an operator wants it judged despite its faults. `cut`: its end exceeded a limit and
    was not kept.
    """

    notice_id: UUID
    call: Call
    released: bool = False
    cut: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """Return the flags of the call and of its recording, sorted."""
        return tuple(sorted((*self.call.flags, "cut"))) if self.cut else self.call.flags


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Event that follows from a notice.

    `occurrence` is None for a review, which is no status of the order.
    """

    type: EventType
    sequence: int
    occurrence: int | None
    cycle: int
    flags: tuple[str, ...]
    previous: Status | None
    review: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """Verdict on one notice and its consequences.

    `order` is the order afterwards, None without one.
    """

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    events: tuple[NewEvent, ...] = ()
    order: KnownOrder | None = None


def review_event(
    after: KnownOrder, call: Call, reason: str, details: dict[str, object]
) -> NewEvent:
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
