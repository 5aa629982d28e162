"""Shop in memory: orders that are judged, wait, and are decided about, without a database."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.clock import uuid7
from app.events.payload import body
from app.events.types import EventType
from app.judging.applications.links import Applications
from app.judging.batch import Known, TakenNotice, decide
from app.judging.event_data import Cause, Source
from app.judging.outcome import JudgedBatch
from app.judging.policy import Policy
from app.judging.sql import UnjudgedNotice
from app.order_life.applied import AppliedFor
from app.order_life.change import OrderChange
from app.order_life.consequences import (
    Surroundings,
    find_overdue,
    presume_expiry,
    recheck,
    reject,
    shared_key,
)
from app.order_life.order_state import KnownOrder
from app.order_life.relatives import Purchases
from app.order_life.reviews import Review, Settlement
from app.zeus.wire import encode

BEGIN = datetime(2026, 11, 23, 3, 51, tzinfo=UTC)
FULL = {
    "clientip": "2012000001",
    "money": "5400",
    "username": "コンビニ　タロウ",
    "telno": "0312345678",
    "email": "taro@example.com",
    "sendid": "A-1001",
    "sendpoint": "ref-7",
    "order_no": "1234-56789-01234",
    "pay_cvs": "D001",
    "pay_no1": "1234567890123",
    "pay_limit": "20261231",
    "status": "04",
    "error_code": "",
}
"""Values of a call with every parameter but the second number."""


def with_status(status: str, **values: str) -> dict[str, str]:
    """Return the values of a call of FULL with this status."""
    return {**FULL, "status": status, **values}


class Shop:
    """Orders and what was made of them: `outcome` has the rows that would be written.

    `applications` are those of before the first call, as they are after the last one.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        unwanted: Iterable[str] = (),
        applications: Iterable[AppliedFor] = (),
    ) -> None:
        """`unwanted` are sendids."""
        self.applications = Applications.of(applications)
        self.policy = policy or Policy()
        self.unwanted = set(unwanted)
        self.outcome = JudgedBatch()
        self.freed: set[str] = set()
        self.answered: set[UUID] = set()
        self.at = BEGIN
        self.told_at: datetime | None = None
        """処理時刻 in the mails about the next calls."""

    def call(self, *calls: Mapping[str, str], corrections: Mapping[str, str] | None = None) -> None:
        """Judge these calls as one batch. With `corrections`, an operator released them."""
        taken = [TakenNotice.of(self._notice(values, corrections)) for values in calls]
        before = [
            self.orders[number].values
            for one in taken
            for number in one.order_nos
            if number in self.orders
        ]
        meant = [one.call.meant for one in taken]
        both = [{**old, **new} for old in before for new in meant]
        around = Surroundings(
            self._purchases([*before, *meant, *both]), unwanted_sendids=self.unwanted
        )
        self.answered |= {one.notice.id for one in taken}
        times = {one.notice.id: self.told_at for one in taken if self.told_at}
        known = Known(self.orders, self.answered, around, self.applications, times)
        found = decide(taken, known, self.policy)
        self.applications = Applications.of(found.applications.by_id.values())
        self.freed |= found.freed
        self.outcome = JudgedBatch.of_all([self.outcome, found])

    def presume(self, order_no: str) -> None:
        """Presume that an order expired."""
        presume_expiry(change := self._change(order_no))
        self._add(change, Source.TIMER)

    def find_overdue(self, order_no: str) -> None:
        """Find the confirmation of an order overdue."""
        find_overdue(change := self._change(order_no))
        self._add(change, Source.TIMER)

    def recheck(self) -> None:
        """Look again at orders with a paid relative that is paid no longer."""
        for order in sorted(self.orders.values(), key=lambda one: one.order_no):
            if self.freed & {review.related_order_no for review in order.reviews}:
                recheck(change := self._change(order.order_no), self.policy.release_on)
                self._add(change, Source.TIMER)
        self.freed.clear()

    def open(self, review: Review) -> None:
        """Open a review that no call opens."""
        change = self._change(str(review.order_no))
        change.open(review)
        self._add(change, Source.MAIL)

    def reject(self, order_no: str) -> None:
        """Say that the merchant no longer wants this order."""
        reject(change := self._change(order_no))
        self._add(change, Source.OPERATOR)

    def settle(self, review: Review, settlement: Settlement) -> None:
        """Settle a review as an operator."""
        change = self._change(str(review.order_no))
        change.settle(review, settlement, "hanako")
        if settlement is Settlement.RELEASE:
            change.release(self.policy.release_on)
        self._add(change, Source.OPERATOR)

    @property
    def orders(self) -> dict[str, KnownOrder]:
        """Return all orders by number."""
        return self.outcome.orders

    @property
    def order(self) -> KnownOrder:
        """Return the only order."""
        (order,) = self.orders.values()
        return order

    @property
    def events(self) -> list[str]:
        """Return the types of all events, the oldest first."""
        return [event["type"] for event in self.outcome.events]

    def bodies(self, *, personal: bool = True) -> list[dict[str, Any]]:
        """Return all events as subscribers read them."""
        return [
            json.loads(
                body(
                    EventType(event["type"]),
                    self.at,
                    json.dumps(event["data"]),
                    json.dumps(event["customer"]) if personal and event["customer"] else None,
                )
            )
            for event in self.outcome.events
        ]

    def _notice(
        self, values: Mapping[str, str], corrections: Mapping[str, str] | None
    ) -> UnjudgedNotice:
        self.at += timedelta(minutes=1)
        return UnjudgedNotice(
            uuid7(),
            0,
            self.at,
            b"/zeus/notify?" + encode(values),
            b"",
            released=corrections is not None,
            cut=False,
            corrections=dict(corrections) if corrections else None,
        )

    def _change(self, order_no: str) -> OrderChange:
        order = self.orders[order_no]
        return OrderChange(order, related=self._purchases([order.values]).relatives_of(order))

    def _purchases(self, values: Iterable[Mapping[str, str]]) -> Purchases:
        """Return the orders of these purchases, the newest first, as the database gives them."""
        purchases = Purchases(
            {one: {} for one in self.policy.purchases_of(values)},
            of_applications={application_id: {} for application_id in self.applications.by_id},
        )
        for order in reversed(self.orders.values()):
            purchases.note(order)
        keys = {row["key"] for row in self.outcome.opened}
        purchases.told = {one for one in purchases.orders if shared_key(*one) in keys}
        return purchases

    def _add(self, change: OrderChange, source: Source) -> None:
        if change.events:
            self.outcome.add_change(change, Cause(source))
