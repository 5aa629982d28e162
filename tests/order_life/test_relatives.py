"""Relatives as a table: which orders belong to one purchase, and when too many share a sendid."""

import pytest

from app.events.types import OrderState
from app.order_life.order_state import STATE_OF, KnownOrder
from app.order_life.relatives import (
    ALIVE_AT_MOST,
    PAID,
    READ_AT_MOST,
    SENDID_LIMIT,
    Purchase,
    Purchases,
    Relative,
    paid_among,
    purchase_of,
)
from app.zeus.statuses import Status

PURCHASE = Purchase("2012000001", "S")
VALUES = {"clientip": "2012000001", "sendid": "S", "money": "5400"}
DEAD = (
    OrderState.FAILED,
    OrderState.EXPIRED,
    OrderState.EXPIRY_PRESUMED,
    OrderState.REVERSED,
    OrderState.REVERSED_AFTER_CANCEL,
)


def order(
    number: str, status: Status = Status.ACCEPTED, *, presumed: bool = False, **values: str
) -> KnownOrder:
    return KnownOrder(number, status, presumed=presumed, values={**VALUES, **values})


def purchases(*orders: KnownOrder) -> Purchases:
    """Return the orders of PURCHASE among these; one may change from one purchase to another."""
    found, before = Purchases({PURCHASE: {}}), dict[str, KnownOrder]()
    for one in orders:
        found.note(one, before.get(one.order_no))
        before[one.order_no] = one
    return found


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, None),
        ({"clientip": "1"}, None),
        ({"clientip": "1", "sendid": ""}, None),
        ({"clientip": "1", "sendid": "S"}, Purchase("1", "S")),
        ({"sendid": "S"}, Purchase("", "S")),
        ({"sendid": "S" * SENDID_LIMIT}, Purchase("", "S" * SENDID_LIMIT)),
        ({"sendid": "S" * (SENDID_LIMIT + 1)}, None),
    ],
)
def test_the_purchase_of_an_order(values: dict[str, str], expected: Purchase | None) -> None:
    assert expected == purchase_of(values)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([], []),
        ([order("1")], []),
        ([order("3"), order("2")], ["2", "3"]),
        ([order("2", sendid="T")], []),
        ([order("2", sendid="")], []),
        ([order("2", clientip="2")], []),
        ([order("2", Status.FAILED)], ["2"]),
        ([order("2"), order("2", sendid="T")], []),
        ([order("2", sendid="T"), order("2")], ["2"]),
    ],
)
def test_relatives_share_clientip_and_sendid(others: list[KnownOrder], expected: list[str]) -> None:
    found = purchases(*others).relatives_of(order("1"))
    assert expected == [one.order_no for one in found]


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (order("2"), Relative("2", OrderState.AWAITING_PAYMENT, 5400)),
        (order("2", presumed=True), Relative("2", OrderState.EXPIRY_PRESUMED, 5400)),
        (order("2", Status.PAID, money="5,400"), Relative("2", OrderState.PAID, None)),
        (order("2", Status.REVERSED, money=""), Relative("2", OrderState.REVERSED, None)),
    ],
)
def test_a_relative_has_its_present_state(one: KnownOrder, expected: Relative) -> None:
    assert (expected,) == purchases(one).relatives_of(order("1"))


@pytest.mark.parametrize(
    ("alive", "dead", "is_shared"),
    [
        (ALIVE_AT_MOST, 0, False),
        (ALIVE_AT_MOST + 1, 0, True),
        (ALIVE_AT_MOST, READ_AT_MOST - ALIVE_AT_MOST, False),
        (ALIVE_AT_MOST, READ_AT_MOST - ALIVE_AT_MOST + 1, True),
        (0, READ_AT_MOST + 1, True),
    ],
)
def test_a_sendid_of_many_orders_names_no_purchase(alive: int, dead: int, is_shared: bool) -> None:
    found = purchases(
        *(order(f"A{number}") for number in range(alive)),
        *(order(f"D{number}", Status.EXPIRED) for number in range(dead)),
    )
    assert is_shared == found.is_shared(PURCHASE)
    assert is_shared == (found.relatives_of(order("1")) == ())


@pytest.mark.parametrize("state", OrderState)
def test_an_order_in_each_state_counts_as_alive_or_not(state: OrderState) -> None:
    orders = {str(number): Relative(str(number), state, None) for number in range(11)}
    assert (state not in DEAD) == Purchases({PURCHASE: orders}).is_shared(PURCHASE)


@pytest.mark.parametrize("status", Status)
def test_paid_relatives_are_those_in_a_payable_status(status: Status) -> None:
    assert status.payable == (STATE_OF[status] in PAID)
    one = Relative("2", STATE_OF[status], None)
    assert ((one,) if status.payable else ()) == paid_among([one])


def test_a_copy_changes_apart() -> None:
    original = purchases(order("1"))
    changed = original.copy()
    changed.note(order("2"))
    changed.told.add(PURCHASE)
    assert (["1"], set()) == (list(original.orders[PURCHASE]), original.told)
