"""Reviews: the reasons for which a human must decide, and the ways in which they end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.clock import uuid7


class Reason(StrEnum):
    """Reason of a review."""

    CONFLICT = "conflict"
    """A status came again with other values."""
    CONTRADICTION = "contradiction"
    """A call that cannot follow what is known; the order keeps its status."""
    CONTRADICTION_WITH_MONEY = "contradiction_with_money"
    """The same, but it reports money, so the order takes its status."""
    VALUES_DIFFER = "values_differ"
    """Two statuses of one payment disagree about a value."""
    MONEY_UNREADABLE = "money_unreadable"
    """A payment with an amount that is not a number of yen."""
    PAID_TWICE = "paid_twice"
    """Two orders of one purchase are paid."""
    CONFIRMATION_OVERDUE = "confirmation_overdue"
    """A payment was not confirmed in the usual time."""
    UNWANTED_PAYMENT = "unwanted_payment"
    """A purchase was paid that the merchant had cancelled."""
    REVERSED_AFTER_RELEASE = "reversed_after_release"
    """The payment was taken back after the goods were released."""
    QUARANTINED = "quarantined"
    """A call that could not be judged."""
    SENDID_SHARED = "sendid_shared"
    """So many orders share a sendid that it cannot name one purchase."""
    APPLICATION_UNKNOWN = "application_unknown"
    """Nobody knows whether an application made a slip."""
    AMOUNT_DIFFERS = "amount_differs"
    """A call names another amount than the application for its slip."""
    REFERENCE_FORGED = "reference_forged"
    """A call with a reference that this relay did not sign. It was not judged."""
    CALL_MISSING = "call_missing"
    """A call that must have been made has not come."""


HOLDING = frozenset(
    {
        Reason.CONFLICT,
        Reason.CONTRADICTION,
        Reason.CONTRADICTION_WITH_MONEY,
        Reason.VALUES_DIFFER,
        Reason.MONEY_UNREADABLE,
        Reason.PAID_TWICE,
        Reason.UNWANTED_PAYMENT,
        Reason.AMOUNT_DIFFERS,
        Reason.REFERENCE_FORGED,
    }
)
"""Reasons about money: as long as such a review is open, its order is not released."""


OF_QUARANTINE = (Reason.QUARANTINED, Reason.REFERENCE_FORGED)
"""Reasons of reviews of calls that were not judged. `release` lets such a call be judged."""


class Settlement(StrEnum):
    """Way in which a review ends."""

    RELEASE = "release"
    """The goods may be sent, as far as this review is concerned."""
    HOLD = "hold"
    """The goods stay in this payment cycle."""
    DISMISS = "dismiss"
    """Nothing to decide. That alone releases no goods."""


BY_ITSELF = "zeus-relay"
"""`settled_by` of a review that a later fact settled."""


@dataclass(frozen=True, slots=True)
class Review:
    """A review of an order.

    `key` is set where the review may be opened only once. `related_order_no` is the other order of
    a pair.
    """

    reason: Reason
    order_no: str | None
    cycle: int | None = None
    notice_id: UUID | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    related_order_no: str | None = None
    key: str | None = None
    id: UUID = field(default_factory=uuid7, compare=False)

    @property
    def holds(self) -> bool:
        """Return True if the goods must wait for its settlement."""
        return self.reason in HOLDING

    @property
    def in_event(self) -> dict[str, Any]:
        """Return what an event says about the review."""
        return {"id": str(self.id), "reason": self.reason.value, **self.details}
