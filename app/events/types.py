"""Types of events, as subscribers name them."""

from enum import StrEnum


class EventType(StrEnum):
    """Type of an event. The first nine correspond to the statuses of Zeus."""

    ORDER_ACCEPTED = "order.accepted"
    ORDER_FAILED = "order.failed"
    ORDER_EXPIRED = "order.expired"
    PAYMENT_RECEIVED = "payment.received"
    PAYMENT_CONFIRMED = "payment.confirmed"
    PAYMENT_REVERSED = "payment.reversed"
    CANCELLED_ORDER_PAYMENT_RECEIVED = "cancelled_order.payment_received"
    CANCELLED_ORDER_PAYMENT_CONFIRMED = "cancelled_order.payment_confirmed"
    CANCELLED_ORDER_PAYMENT_REVERSED = "cancelled_order.payment_reversed"
    ORDER_EXPIRY_PRESUMED = "order.expiry_presumed"
    ORDER_RELEASED = "order.released"
    ORDER_RELEASE_REVOKED = "order.release_revoked"
    REVIEW_REQUIRED = "review.required"
    REVIEW_SETTLED = "review.settled"
    WEBHOOK_TEST = "webhook.test"
    SUBSCRIBER_FAILING = "subscriber.failing"
    SUBSCRIBER_PAUSED = "subscriber.paused"
    SUBSCRIBER_RECOVERED = "subscriber.recovered"
    OUTBOUND_DEAD = "outbound.dead"


class OrderState(StrEnum):
    """State of an order in words: one for each status of Zeus, and one for its silence."""

    AWAITING_PAYMENT = "awaiting_payment"
    EXPIRY_PRESUMED = "expiry_presumed"
    FAILED = "failed"
    EXPIRED = "expired"
    PAID = "paid"
    CONFIRMED = "confirmed"
    REVERSED = "reversed"
    PAID_AFTER_CANCEL = "paid_after_cancel"
    CONFIRMED_AFTER_CANCEL = "confirmed_after_cancel"
    REVERSED_AFTER_CANCEL = "reversed_after_cancel"


OPERATIONAL = frozenset(
    {
        EventType.SUBSCRIBER_FAILING,
        EventType.SUBSCRIBER_PAUSED,
        EventType.SUBSCRIBER_RECOVERED,
        EventType.OUTBOUND_DEAD,
    }
)
"""Types about the delivery to other subscribers.

Only subscribers that name them in their filter get them.
"""

USUAL = frozenset(EventType) - {EventType.WEBHOOK_TEST} - OPERATIONAL
"""Types that a subscriber without a filter gets: all about orders."""

SUBSCRIBABLE = USUAL | OPERATIONAL
"""Types that a subscription can filter by.

A test webhook goes to its subscriber regardless of the filter.
"""


def unknown_types(names: list[str]) -> list[str]:
    """Return those of `names` that are no type a subscriber can ask for."""
    return [name for name in names if name not in SUBSCRIBABLE]
