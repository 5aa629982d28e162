"""Release: when the goods of an order may go, and when that is taken back."""

from enum import StrEnum

from app.order_life.order_state import KnownOrder
from app.zeus.statuses import Status


class ReleaseOn(StrEnum):
    """Report of a payment that releases the goods."""

    CONFIRMED = "confirmed"
    """売上確定: the head office of the store chain has confirmed the payment (05, 12)."""
    RECEIVED = "received"
    """入金速報: the store has taken the money (04, 11)."""


def is_held(order: KnownOrder) -> bool:
    """Return True if an open review about money or a decision holds the goods."""
    return order.held_cycle == order.cycle or any(review.holds for review in order.reviews)


def is_paid_for(order: KnownOrder, release_on: ReleaseOn) -> bool:
    """Return True if the order has the status that releases its goods."""
    status = order.current_status
    return status.final if release_on is ReleaseOn.CONFIRMED else status.payable


def may_release(order: KnownOrder, release_on: ReleaseOn) -> bool:
    """Return True if the goods may go now and were not released in this payment cycle."""
    return (
        order.released_cycle != order.cycle
        and is_paid_for(order, release_on)
        and not is_held(order)
    )


def must_revoke(order: KnownOrder, arrived: Status) -> bool:
    """Return True if a reversal takes back the release of this payment cycle."""
    return (
        arrived in (Status.REVERSED, Status.REVERSED_AFTER_CANCEL)
        and order.status is arrived
        and order.released_cycle == order.cycle
        and order.revoked_cycle != order.cycle
    )
