"""Outcome of judging: the orders and applications after it, and the rows to write."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

from app.clock import uuid7
from app.judging.applications.links import Applications
from app.judging.event_data import Cause, customer_of, event_data
from app.judging.statements.review_rows import review_row, settlement_row
from app.order_life.applied import AppliedFor
from app.order_life.change import OrderChange
from app.order_life.consequences import Surroundings
from app.order_life.order_state import REMEMBERED, KnownOrder
from app.zeus.parameters import money_of


@dataclass(slots=True)
class JudgedBatch:
    """Result of a batch: rows to write, and the orders and surroundings after it.

    `freed` holds the orders that are paid no longer, `called` the applications that calls changed.
    """

    orders: dict[str, KnownOrder] = field(default_factory=dict)
    around: Surroundings = field(default_factory=Surroundings)
    applications: Applications = field(default_factory=Applications)
    called: dict[UUID, AppliedFor] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    freed: set[str] = field(default_factory=set)
    events: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    opened: list[dict[str, Any]] = field(default_factory=list)
    settled: list[dict[str, Any]] = field(default_factory=list)
    began_ns: int = field(default_factory=time.time_ns)

    @classmethod
    def of_all(cls, outcomes: Iterable[Self]) -> Self:
        """Return the outcomes of different orders as one."""
        together = cls()
        for outcome in outcomes:
            together.orders |= outcome.orders
            together.called |= outcome.called
            together.changed |= outcome.changed
            together.freed |= outcome.freed
            together.events += outcome.events
            together.verdicts += outcome.verdicts
            together.opened += outcome.opened
            together.settled += outcome.settled
        return together

    def add_change(self, change: OrderChange, cause: Cause) -> None:
        """Add the rows of a change of one order."""
        order_no = change.order.order_no
        self.orders[order_no] = change.order
        self.changed.add(order_no)
        self.events += _event_rows(change, cause)
        self.opened += [review_row(review) for review in change.opened]
        self.settled += [settlement_row(settled) for settled in change.settled]


def _event_rows(change: OrderChange, cause: Cause) -> Iterator[dict[str, Any]]:
    customer = customer_of(cause.call) if cause.call else None
    status = cause.call.meant["status"] if cause.call else None
    for event in change.events:
        yield {
            "id": uuid7(),
            "type": event.type,
            "order_no": change.order.order_no,
            "status": status if event.occurrence is not None else None,
            "occurrence": event.occurrence,
            "cycle": event.cycle,
            "sequence": event.sequence,
            "notice_id": cause.notice_id,
            "data": event_data(event, change.order, cause, change.related),
            "customer": customer,
            "test": change.order.test,
        }


def order_row(order: KnownOrder) -> dict[str, Any]:
    """Return the row of an order."""
    return {
        "order_no": order.order_no,
        "status": order.current_status,
        "state": order.state,
        "cycle": order.cycle,
        "sequence": order.sequence,
        **{name: order.values.get(name) for name in REMEMBERED},
        "money": money_of(order.values.get("money")),
        "flags": sorted(order.flags),
        "telno_tail": order.telno_tail,
        "released_cycle": order.released_cycle,
        "revoked_cycle": order.revoked_cycle,
        "held_cycle": order.held_cycle,
        "overdue_cycle": order.overdue_cycle,
        "paid_at": order.paid_at,
        "application_id": order.application_id,
        "test": order.test,
    }
