"""Relatives: orders of one purchase, known by the same clientip and sendid or application."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Self
from uuid import UUID

from app.events.types import OrderState
from app.order_life.order_state import KnownOrder
from app.zeus.parameters import money_of

ALIVE_AT_MOST = 10
"""Orders alive that may share a sendid. With more, it does not name one purchase."""
READ_AT_MOST = 50
"""Orders of one sendid that are read, the newest first. With more, it does not name a purchase."""
SENDID_LIMIT = 255
"""Characters of a sendid that orders are found by."""

_DEAD = frozenset(
    {
        OrderState.FAILED,
        OrderState.EXPIRED,
        OrderState.EXPIRY_PRESUMED,
        OrderState.REVERSED,
        OrderState.REVERSED_AFTER_CANCEL,
    }
)
PAID = frozenset(
    {
        OrderState.PAID,
        OrderState.CONFIRMED,
        OrderState.PAID_AFTER_CANCEL,
        OrderState.CONFIRMED_AFTER_CANCEL,
    }
)
"""States in which Zeus owes the merchant the money of the order."""


class SendidScope(StrEnum):
    """What a sendid names."""

    ORDER = "order"
    """One purchase."""
    NONE = "none"
    """Something else: no order has relatives."""


class Purchase(NamedTuple):
    """What the orders of one purchase share."""

    clientip: str
    sendid: str


class Relative(NamedTuple):
    """Another order of the same purchase."""

    order_no: str
    state: OrderState
    money: int | None


def purchase_of(values: Mapping[str, str]) -> Purchase | None:
    """Return the purchase of an order with these values, None without a usable sendid."""
    sendid = values.get("sendid", "")
    if not sendid or len(sendid) > SENDID_LIMIT:
        return None
    return Purchase(values.get("clientip", ""), sendid)


def applications_of(orders: Iterable[KnownOrder]) -> set[UUID]:
    """Return the applications that these orders come from."""
    return {order.application_id for order in orders if order.application_id is not None}


@dataclass(slots=True)
class Purchases:
    """Orders by purchase, the newest first. `told` holds those known to be shared by many.

    `of_applications` holds the orders that came from one application: Zeus may issue a slip anew.
    """

    orders: dict[Purchase, dict[str, Relative]] = field(default_factory=dict)
    told: set[Purchase] = field(default_factory=set)
    of_applications: dict[UUID, dict[str, Relative]] = field(default_factory=dict)

    def copy(self) -> Self:
        """Return a copy that changes apart."""
        return type(self)(
            {key: dict(one) for key, one in self.orders.items()},
            set(self.told),
            {key: dict(one) for key, one in self.of_applications.items()},
        )

    def relatives_of(self, order: KnownOrder) -> tuple[Relative, ...]:
        """Return the other orders of the purchase or application by number.

        Those with the same sendid are none if too many share it.
        """
        found: dict[str, Relative] = {}
        purchase = purchase_of(order.values)
        if purchase is not None and not self.is_shared(purchase):
            found |= self.orders.get(purchase, {})
        if order.application_id is not None:
            found |= self.of_applications.get(order.application_id, {})
        return tuple(found[number] for number in sorted(found) if number != order.order_no)

    def is_shared(self, purchase: Purchase) -> bool:
        """Return True if too many orders have this sendid."""
        orders = self.orders.get(purchase, {})
        alive = sum(one.state not in _DEAD for one in orders.values())
        return alive > ALIVE_AT_MOST or len(orders) > READ_AT_MOST

    @property
    def are_many(self) -> bool:
        """True if so many orders share a sendid that it may be told already."""
        return any(len(orders) >= ALIVE_AT_MOST for orders in self.orders.values())

    def untold(self, arriving: Mapping[Purchase, int]) -> list[Purchase]:
        """Return those that this number of calls may make shared, and that nobody told of yet."""
        return [
            purchase
            for purchase, calls in arriving.items()
            if purchase not in self.told
            and len(self.orders.get(purchase, {})) + calls > ALIVE_AT_MOST
        ]

    def note(self, order: KnownOrder, before: KnownOrder | None = None) -> None:
        """Note the order's present state for its relatives.

        It may have left the purchase that it belonged to `before`.
        """
        purchase = purchase_of(order.values)
        left = purchase_of(before.values) if before else purchase
        if left is not None and left != purchase and left in self.orders:
            self.orders[left].pop(order.order_no, None)
        noted = Relative(order.order_no, order.state, money_of(order.values.get("money")))
        if purchase is not None and purchase in self.orders:
            self.orders[purchase][order.order_no] = noted
        if order.application_id in self.of_applications:
            self.of_applications[order.application_id][order.order_no] = noted


def paid_among(relatives: Iterable[Relative]) -> tuple[Relative, ...]:
    """Return the relatives that are paid."""
    return tuple(one for one in relatives if one.state in PAID)
