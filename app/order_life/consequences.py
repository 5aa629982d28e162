"""Consequences: what follows when a fact arrives, a time passes, or somebody decides. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Self
from uuid import UUID

from app.events.payload import timestamp
from app.events.types import EventType
from app.order_life.applied import AppliedFor
from app.order_life.change import OrderChange
from app.order_life.differing import Differing, details_of, differed_already
from app.order_life.order_state import KnownOrder
from app.order_life.relatives import Purchases, Relative, paid_among, purchase_of
from app.order_life.release import ReleaseOn, must_revoke
from app.order_life.reviews import Reason, Review, Settlement
from app.zeus.parameters import money_of
from app.zeus.statuses import Status


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known beside the order: its relatives, and purchases that nobody wants."""

    purchases: Purchases = field(default_factory=Purchases)
    unwanted_order_nos: Collection[str] = ()
    unwanted_sendids: Collection[str] = ()

    def copy(self) -> Self:
        """Return a copy whose purchases change apart."""
        return replace(self, purchases=self.purchases.copy())

    def is_unwanted(self, order: KnownOrder) -> bool:
        """Return True if the merchant cancelled this order or its purchase."""
        return (
            order.order_no in self.unwanted_order_nos
            or order.values.get("sendid") in self.unwanted_sendids
        )


@dataclass(frozen=True, slots=True)
class Arrival:
    """An accepted call: its status and values, the order before it, and what differs.

    `applied` is the application that the call is about.
    """

    status: Status
    meant: Mapping[str, str]
    notice_id: UUID
    before: KnownOrder
    differing: tuple[Differing, ...] = ()
    applied: AppliedFor | None = None


def follow(
    change: OrderChange, arrival: Arrival, around: Surroundings, release_on: ReleaseOn
) -> None:
    """Add what follows from an accepted call to `change`: reviews, their ends, and a release."""
    related_before = around.purchases.relatives_of(arrival.before)
    around.purchases.note(change.order, arrival.before)
    change.related = around.purchases.relatives_of(change.order)
    _open_for_values(change, arrival)
    _open_for_amount(change, arrival)
    if _begins_payment(arrival.before, change.order):
        _open_for_payment(change, arrival, around)
    elif _changes_purchase(arrival.before, change.order):
        _open_for_pairs(change, arrival.notice_id, related_before)
    _tell_shared(change, arrival.notice_id, around.purchases)
    _settle_by_fact(change, arrival.status)
    if must_revoke(change.order, arrival.status):
        change.revoke()
        change.open(_review(Reason.REVERSED_AFTER_RELEASE, change.order, arrival.notice_id))
    if _moves(arrival.before, change.order):
        change.release(release_on)


def follow_link(
    change: OrderChange, before: KnownOrder, notice_id: UUID, purchases: Purchases
) -> None:
    """Add what follows from the order's new link with an application: pairs that are paid."""
    related_before = purchases.relatives_of(before)
    purchases.note(change.order, before)
    change.related = purchases.relatives_of(change.order)
    if _changes_purchase(before, change.order):
        _open_for_pairs(change, notice_id, related_before)


def link_late(change: OrderChange, applied: AppliedFor, notice_id: UUID | None) -> None:
    """Link the order with the application that made it, which became known after its calls.

    Open the reviews that those calls would have opened. `notice_id` names the last of them.
    """
    order = change.order
    told = {"pay_limit": applied.pay_limit} if applied.pay_limit else {}
    change.order = replace(
        order, application_id=applied.id, test=applied.test, values={**told, **order.values}
    )
    if differing := applied.differing(order.order_no, order.values):
        details = details_of(differing)
        change.open(_review(Reason.VALUES_DIFFER, order, notice_id, **details), differing)
    called = applied.other_amount(order.values)
    if called is not None:
        change.open(_amount_differs(order, applied, called, notice_id))


def presume_expiry(change: OrderChange) -> None:
    """Presume that an order expired whose deadline passed in silence."""
    change.order = replace(change.order, presumed=True)
    change.add_event(EventType.ORDER_EXPIRY_PRESUMED)


def find_overdue(change: OrderChange) -> None:
    """Open the review of a payment that was not confirmed in time."""
    order = change.order
    since = timestamp(order.paid_at) if order.paid_at else None
    change.order = replace(order, overdue_cycle=order.cycle)
    change.open(_review(Reason.CONFIRMATION_OVERDUE, order, None, paid_at=since))


def recheck(change: OrderChange, release_on: ReleaseOn) -> None:
    """Settle the reviews `paid_twice` whose other order is paid no longer, then release.

    An order that is not known to be related any more is left to a human.
    """
    paid = paid_among(change.related)
    unpaid = {one.order_no for one in change.related if one not in paid}
    for review in change.order.reviews:
        if review.reason is Reason.PAID_TWICE and review.related_order_no in unpaid:
            change.settle(review, Settlement.DISMISS)
    change.release(release_on)


def reject(change: OrderChange) -> None:
    """Open the review of a paid order that the merchant no longer wants."""
    is_open = any(one.reason is Reason.UNWANTED_PAYMENT for one in change.order.reviews)
    if change.order.current_status.payable and not is_open:
        change.open(_review(Reason.UNWANTED_PAYMENT, change.order, None))


def stops_being_paid(before: KnownOrder, after: KnownOrder) -> bool:
    """Return True if relatives must be looked at again, because this order is paid no longer."""
    return _is_paid(before) and not _is_paid(after)


def _open_for_values(change: OrderChange, arrival: Arrival) -> None:
    order = change.order
    if not _are_known(order, arrival):
        details = details_of(arrival.differing)
        change.open(
            _review(Reason.VALUES_DIFFER, order, arrival.notice_id, **details), arrival.differing
        )
    money = arrival.meant.get("money")
    if arrival.status.payable and money and money_of(money) is None:
        change.open(_review(Reason.MONEY_UNREADABLE, order, arrival.notice_id, money=money))


def _are_known(order: KnownOrder, arrival: Arrival) -> bool:
    """Return True if a review named the differences of this call already."""
    told = {
        (name, value["before"], value["now"])
        for review in order.reviews
        if review.reason is Reason.VALUES_DIFFER
        for name, value in review.details["values"].items()
    }
    return all(
        (one.name, one.before, one.now) in told
        or (
            _was_compared(one, arrival)
            and differed_already(one, arrival.status, arrival.before, order.cycle)
        )
        for one in arrival.differing
    )


def _was_compared(one: Differing, arrival: Arrival) -> bool:
    """Return True if earlier calls of the order were compared with what says the other value."""
    return one.notice_id is not None or arrival.before.application_id is not None


def _open_for_amount(change: OrderChange, arrival: Arrival) -> None:
    """Open the review of an amount that the application does not name, once for each amount."""
    applied, before = arrival.applied, arrival.before
    called = applied.other_amount(arrival.meant) if applied else None
    if applied is None or called is None:
        return
    is_told = before.application_id is not None and any(
        money_of(occurrence.values.get("money")) == called for occurrence in before.had.values()
    )
    is_open = any(
        review.reason is Reason.AMOUNT_DIFFERS and review.details["called"] == called
        for review in change.order.reviews
    )
    if not is_told and not is_open:
        change.open(_amount_differs(change.order, applied, called, arrival.notice_id))


def _amount_differs(
    order: KnownOrder, applied: AppliedFor, called: int, notice_id: UUID | None
) -> Review:
    details = {"applied": applied.money, "called": called, "application_id": str(applied.id)}
    return _review(Reason.AMOUNT_DIFFERS, order, notice_id, **details)


def _moves(before: KnownOrder, after: KnownOrder) -> bool:
    """Return True if the order took a new status.

    Only then may it be released: a late call must not release what was sent long ago, before
    releases were known.
    """
    return (before.status, before.cycle) != (after.status, after.cycle)


def _begins_payment(before: KnownOrder, after: KnownOrder) -> bool:
    return _is_paid(after) and (not _is_paid(before) or before.cycle != after.cycle)


def _changes_purchase(before: KnownOrder, after: KnownOrder) -> bool:
    return _is_paid(after) and (
        purchase_of(before.values) != purchase_of(after.values)
        or before.application_id != after.application_id
    )


def _is_paid(order: KnownOrder) -> bool:
    return order.status is not None and order.status.payable


def _open_for_payment(change: OrderChange, arrival: Arrival, around: Surroundings) -> None:
    _open_for_pairs(change, arrival.notice_id)
    is_replaced = arrival.applied is not None and arrival.applied.is_replaced
    if around.is_unwanted(change.order) or (is_replaced and not paid_among(change.related)):
        change.open(_review(Reason.UNWANTED_PAYMENT, change.order, arrival.notice_id))


def _open_for_pairs(
    change: OrderChange, notice_id: UUID, related_before: Collection[Relative] = ()
) -> None:
    told = {one.order_no for one in related_before}
    for other in paid_among(change.related):
        if other.order_no not in told:
            change.open(_paid_twice(change.order, notice_id, other))


def _paid_twice(order: KnownOrder, notice_id: UUID, other: Relative) -> Review:
    """Return the review of two paid orders, which belongs to the one paid second."""
    first, second = sorted((order.order_no, other.order_no))
    return Review(
        Reason.PAID_TWICE,
        order.order_no,
        order.cycle,
        notice_id,
        {"other_order_no": other.order_no, "other_money": other.money},
        related_order_no=other.order_no,
        key=f"paid_twice {first} {second} {notice_id}",
    )


def _tell_shared(change: OrderChange, notice_id: UUID, purchases: Purchases) -> None:
    """Say once that too many orders share a sendid to be relatives."""
    purchase = purchase_of(change.order.values)
    if purchase is None or purchase in purchases.told or not purchases.is_shared(purchase):
        return
    purchases.told.add(purchase)
    review = _review(
        Reason.SENDID_SHARED, change.order, notice_id, orders=len(purchases.orders[purchase])
    )
    change.open(replace(review, key=shared_key(*purchase)))


def shared_key(clientip: str, sendid: str) -> str:
    """Return the key of the review that says that many orders share a sendid."""
    return f"sendid_shared {clientip} {sendid}"


def _settle_by_fact(change: OrderChange, status: Status) -> None:
    confirms_or_reverses = status.recurs and status not in (Status.PAID, Status.PAID_AFTER_CANCEL)
    for review in change.order.reviews:
        is_answered = review.reason is Reason.CONFIRMATION_OVERDUE and confirms_or_reverses
        is_undone = review.reason is Reason.PAID_TWICE and not _is_paid(change.order)
        if is_answered or is_undone:
            change.settle(review, Settlement.DISMISS)


def _review(reason: Reason, order: KnownOrder, notice_id: UUID | None, **details: object) -> Review:
    return Review(reason, order.order_no, order.cycle, notice_id, details)
