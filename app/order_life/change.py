"""Change of an order: the order afterwards, new events, and reviews that open or end."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from app.events.types import EventType
from app.order_life.differing import Differing
from app.order_life.order_state import KnownOrder
from app.order_life.relatives import Relative
from app.order_life.release import ReleaseOn, may_release
from app.order_life.reviews import BY_ITSELF, Review, Settlement
from app.zeus.statuses import Status


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Event that follows from a notice, from silence or from a decision.

    `occurrence` is None unless the event is about a status of the order.
    """

    type: EventType
    sequence: int
    occurrence: int | None
    cycle: int
    flags: tuple[str, ...]
    previous: Status | None
    review: dict[str, object] | None = None
    differing: tuple[Differing, ...] = ()

    @property
    def is_derived(self) -> bool:
        """Return True if no call says this: it follows from several facts, or from silence."""
        return self.type in _DERIVED


_DERIVED = frozenset(
    {
        EventType.ORDER_EXPIRY_PRESUMED,
        EventType.ORDER_RELEASED,
        EventType.ORDER_RELEASE_REVOKED,
        EventType.REVIEW_SETTLED,
    }
)


class Settled(NamedTuple):
    """End of a review."""

    review: Review
    settlement: Settlement
    settled_by: str
    note: str | None = None


@dataclass(slots=True)
class OrderChange:
    """Collects what follows from one cause for one order.

    `order` is the order so far. `previous` is its status before the cause, None for the same.
    """

    order: KnownOrder
    events: list[NewEvent] = field(default_factory=list)
    opened: list[Review] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    related: tuple[Relative, ...] = ()
    flags: tuple[str, ...] = ()
    previous: Status | None = None

    def add_event(
        self,
        event_type: EventType,
        *,
        review: dict[str, object] | None = None,
        differing: tuple[Differing, ...] = (),
    ) -> None:
        """Add an event with the order's next sequence."""
        self.order = replace(self.order, sequence=self.order.sequence + 1)
        self.events.append(
            NewEvent(
                event_type,
                self.order.sequence,
                None,
                self.order.cycle,
                self.flags,
                self.previous or self.order.status,
                review,
                differing,
            )
        )

    def open(self, review: Review, differing: tuple[Differing, ...] = ()) -> None:
        """Open a review and tell subscribers."""
        self.opened.append(review)
        self.order = replace(self.order, reviews=(*self.order.reviews, review))
        self.add_event(EventType.REVIEW_REQUIRED, review=review.in_event, differing=differing)

    def settle(
        self,
        review: Review,
        settlement: Settlement,
        settled_by: str = BY_ITSELF,
        note: str | None = None,
    ) -> None:
        """End a review, note what it means for the order's goods, and tell subscribers."""
        self.settled.append(Settled(review, settlement, settled_by, note))
        self.order = replace(
            self.order,
            reviews=tuple(one for one in self.order.reviews if one.id != review.id),
            held_cycle=_held_cycle(self.order, review, settlement),
        )
        told = {"settlement": settlement.value, "settled_by": settled_by}
        self.add_event(EventType.REVIEW_SETTLED, review={**review.in_event, **told})

    def release(self, release_on: ReleaseOn) -> None:
        """Release the goods if they may go now."""
        if may_release(self.order, release_on):
            self.order = replace(self.order, released_cycle=self.order.cycle)
            self.add_event(EventType.ORDER_RELEASED)

    def revoke(self) -> None:
        """Take back the release of this payment cycle."""
        self.order = replace(self.order, revoked_cycle=self.order.cycle)
        self.add_event(EventType.ORDER_RELEASE_REVOKED)


def _held_cycle(order: KnownOrder, review: Review, settlement: Settlement) -> int | None:
    """Return the cycle in which a decision holds the goods.

    A `release` takes back a `hold` if it ends the review once more. One that ends an open review
    does not: another review was ended with that hold.
    """
    is_open = any(one.id == review.id for one in order.reviews)
    if not review.holds or settlement is Settlement.DISMISS:
        return order.held_cycle
    if settlement is Settlement.HOLD:
        return order.cycle
    return order.held_cycle if is_open else None
