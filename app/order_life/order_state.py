"""State of an order: everything needed to judge its next notice."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from app.events.types import OrderState
from app.order_life.reviews import Review
from app.zeus.statuses import Status

STATE_OF = {
    Status.ACCEPTED: OrderState.AWAITING_PAYMENT,
    Status.FAILED: OrderState.FAILED,
    Status.EXPIRED: OrderState.EXPIRED,
    Status.PAID: OrderState.PAID,
    Status.CONFIRMED: OrderState.CONFIRMED,
    Status.REVERSED: OrderState.REVERSED,
    Status.PAID_AFTER_CANCEL: OrderState.PAID_AFTER_CANCEL,
    Status.CONFIRMED_AFTER_CANCEL: OrderState.CONFIRMED_AFTER_CANCEL,
    Status.REVERSED_AFTER_CANCEL: OrderState.REVERSED_AFTER_CANCEL,
}

COMPARED = ("money", "clientip", "pay_no1", "pay_no2", "pay_limit")
"""Parameters that must be equal in a duplicate and its earlier call."""

REMEMBERED = (
    "money",
    "clientip",
    "pay_cvs",
    "pay_no1",
    "pay_no2",
    "pay_limit",
    "sendid",
    "sendpoint",
)
"""Parameters whose last value an order keeps."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that an order got a status: its number, payment cycle, notice and values of
    REMEMBERED.
    """

    number: int
    cycle: int
    notice_id: UUID
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """Known state of an order.

    `had` is the last occurrence of every status. `last_call` names the latest notice of a status,
    duplicates included. `sequence` is that of the order's last event. `presumed` tells that the
    payment deadline passed in silence. The four cycles are those last released, revoked, held by a
    decision, and found overdue. `reviews` are the open ones. `application_id` is the application
    that the relay made for it, `test` whether that was a test.
    """

    order_no: str
    status: Status | None = None
    cycle: int = 1
    sequence: int = 0
    had: Mapping[Status, Occurrence] = field(default_factory=dict)
    last_call: Mapping[Status, UUID] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    telno_tail: str | None = None
    """Last digits of the customer's telephone number, if a call of this batch has one.

    The stored ones stay otherwise.
    """
    presumed: bool = False
    released_cycle: int | None = None
    revoked_cycle: int | None = None
    held_cycle: int | None = None
    overdue_cycle: int | None = None
    paid_at: datetime | None = None
    reviews: tuple[Review, ...] = ()
    application_id: UUID | None = None
    test: bool = False

    @property
    def current_status(self) -> Status:
        """Return the order's status. Raises LookupError before its first call."""
        if self.status is None:
            raise LookupError(f"order {self.order_no} has no status yet")
        return self.status

    @property
    def state(self) -> OrderState:
        """Return the order's state. Raises LookupError before its first call."""
        if self.presumed and self.status is Status.ACCEPTED:
            return OrderState.EXPIRY_PRESUMED
        return STATE_OF[self.current_status]

    def in_this_cycle(self, status: Status) -> Occurrence | None:
        """Return the occurrence that `status` would repeat, or None.

        01, 02 and 03 happen once in an order's life.
        """
        last = self.had.get(status)
        return None if last is None or (status.recurs and last.cycle != self.cycle) else last

    def with_call(self, status: Status, notice_id: UUID) -> Self:
        """Return the order after one more call of `status`, duplicates included."""
        return replace(self, last_call={**self.last_call, status: notice_id})


def values_of(parameters: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """Return the values of `names` that carry data.

    Zeus sends a value without data empty (manual, CGI call table).
    """
    return {name: parameters[name] for name in names if parameters.get(name)}
