"""Verdicts: the result of judging one notice, with reasons, flags and new events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.judging.applications.links import NO_LINK, Link
from app.order_life.change import NewEvent, OrderChange
from app.order_life.order_state import KnownOrder
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
    was not kept. `link` is the application that it is about.
    """

    notice_id: UUID
    call: Call
    released: bool = False
    cut: bool = False
    received_at: datetime | None = None
    link: Link = NO_LINK

    @property
    def flags(self) -> tuple[str, ...]:
        """Return the flags of the call, of its recording and of its reference, sorted."""
        flags = self.call.flags
        if self.cut:
            flags = tuple(sorted((*flags, "cut")))
        if self.link.is_lost:
            flags = tuple(sorted((*flags, "application_missing")))
        return flags


@dataclass(frozen=True, slots=True)
class Judgement:
    """Verdict on one notice and its consequences.

    `order` is the order afterwards, None without one. `frees_relatives` tells that the order is
    paid no longer.
    """

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    order: KnownOrder | None = None
    change: OrderChange | None = None
    frees_relatives: bool = False

    @property
    def events(self) -> Sequence[NewEvent]:
        """Return the new events."""
        return self.change.events if self.change else ()
