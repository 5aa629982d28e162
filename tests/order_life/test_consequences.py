"""Consequences as a table: what happens to orders, and the derived events and open reviews."""

from collections.abc import Callable

import pytest

from app.judging.policy import Policy
from app.order_life.relatives import ALIVE_AT_MOST, SendidScope
from app.order_life.release import ReleaseOn
from app.order_life.reviews import Settlement
from tests.order_life.shop import FULL, Shop, with_status

ORDER_NO = FULL["order_no"]
DERIVED = (
    "order.expiry_presumed",
    "order.released",
    "order.release_revoked",
    "review.required",
    "review.settled",
)


def shop_after(*calls: dict[str, str], policy: Policy | None = None) -> Shop:
    shop = Shop(policy)
    for call in calls:
        shop.call(call)
    return shop


def derived(shop: Shop) -> list[str]:
    """Return the derived events and reviews in words, such as `review.required conflict`."""
    return [
        f"{event['type']} {event['data'].get('review', {}).get('reason', '')}".strip()
        for event in shop.outcome.events
        if event["type"] in DERIVED
    ]


def call(status: str, order_no: str = "1", **values: str) -> dict[str, str]:
    return with_status(status, order_no=order_no, **values)


RELEASED, REVOKED = "order.released", "order.release_revoked"


def opened(reason: str) -> str:
    return f"review.required {reason}"


def settled(reason: str) -> str:
    return f"review.settled {reason}"


REVERSED = [REVOKED, opened("reversed_after_release")]
ROWS: list[tuple[list[dict[str, str]], list[str], list[str]]] = [
    # calls, derived events with RELAY_RELEASE_ON=confirmed, and with received
    ([call("01")], [], []),
    ([call("01"), call("04")], [], [RELEASED]),
    ([call("01"), call("04"), call("05")], [RELEASED], [RELEASED]),
    ([call("05"), call("04")], [RELEASED], [RELEASED]),
    ([call("11"), call("12")], [RELEASED], [RELEASED]),
    ([call("04"), call("06")], [], [RELEASED, *REVERSED]),
    ([call("04"), call("06"), call("04")], [], [RELEASED, *REVERSED, RELEASED]),
    ([call("04"), call("06"), call("05")], [RELEASED], [RELEASED, *REVERSED]),
    (
        [call("04"), call("05"), call("06")],
        [RELEASED, opened("contradiction")],
        [RELEASED, opened("contradiction")],
    ),
    (
        [call("03"), call("04")],
        [opened("contradiction_with_money")],
        [opened("contradiction_with_money")],
    ),
    (
        [call("04"), call("04", money="4500")],
        [opened("conflict")],
        [RELEASED, opened("conflict")],
    ),
    (
        [call("01"), call("04", money="4500"), call("05", money="4500")],
        [opened("values_differ")],
        [opened("values_differ")],
    ),
    ([call("04", money="5,400")], [opened("money_unreadable")], [opened("money_unreadable")]),
    ([call("04", money="")], [], [RELEASED]),
    ([call("06", money="5,400")], [], []),
    (
        [call("04"), call("04", "2")],
        [opened("paid_twice")],
        [RELEASED, opened("paid_twice")],
    ),
    (
        [call("04"), call("04", "2"), call("06", "2")],
        [opened("paid_twice"), settled("paid_twice")],
        [RELEASED, opened("paid_twice"), settled("paid_twice")],
    ),
    (
        [call("04"), call("04", "2"), call("06", "2"), call("05", "2")],
        [opened("paid_twice"), settled("paid_twice"), opened("paid_twice")],
        [RELEASED, opened("paid_twice"), settled("paid_twice"), opened("paid_twice")],
    ),
    ([call("04", sendid=""), call("04", "2", sendid="")], [], [RELEASED, RELEASED]),
    (
        [call("04"), call("04", "2", sendid=""), call("05", "2")],
        [opened("paid_twice")],
        [RELEASED, RELEASED, opened("paid_twice")],
    ),
    (
        [call("01", str(number)) for number in range(ALIVE_AT_MOST + 3)],
        [opened("sendid_shared")],
        [opened("sendid_shared")],
    ),
]


@pytest.mark.parametrize(("calls", "confirmed", "received"), ROWS)
def test_what_follows_from_calls(
    calls: list[dict[str, str]], confirmed: list[str], received: list[str]
) -> None:
    assert confirmed == derived(shop_after(*calls))
    assert received == derived(shop_after(*calls, policy=Policy(release_on=ReleaseOn.RECEIVED)))


def test_without_a_scope_a_sendid_relates_nothing() -> None:
    shop = shop_after(call("04"), call("04", "2"), policy=Policy(sendid_scope=SendidScope.NONE))
    assert [] == derived(shop)
    assert [[], []] == [event["data"]["related_orders"] for event in shop.outcome.events]


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([], ["order.expiry_presumed"]),
        ([call("03")], ["order.expiry_presumed"]),
        ([call("04"), call("05")], ["order.expiry_presumed", RELEASED]),
        ([call("11")], ["order.expiry_presumed"]),
    ],
)
def test_a_call_after_a_presumed_expiry_is_no_contradiction(
    calls: list[dict[str, str]], expected: list[str]
) -> None:
    shop = shop_after(call("01"))
    shop.presume("1")
    assert "expiry_presumed" == shop.orders["1"].state
    for one in calls:
        shop.call(one)
    assert expected == derived(shop)


@pytest.mark.parametrize("answer", ["05", "06"])
def test_an_overdue_confirmation_settles_itself(answer: str) -> None:
    shop = shop_after(call("01"), call("04"))
    shop.find_overdue("1")
    shop.call(call(answer))
    overdue = [opened("confirmation_overdue"), settled("confirmation_overdue")]
    assert overdue == derived(shop)[:2]
    assert ["zeus-relay"] == [row["settled_by"] for row in shop.outcome.settled]


def test_the_order_paid_second_is_free_once_the_first_is_reversed() -> None:
    shop = shop_after(call("04"), call("04", "2"), call("05", "2"), call("06"))
    assert [opened("paid_twice")] == derived(shop)
    shop.recheck()
    assert [opened("paid_twice"), settled("paid_twice"), RELEASED] == derived(shop)


def test_an_order_that_is_no_longer_known_as_related_is_left_to_a_human() -> None:
    """Three are paid. One is reversed, when so many share the sendid that it names no purchase."""
    shop = shop_after(call("04"), call("04", "2"), call("04", "3"))
    for number in range(4, 15):
        shop.call(call("01", str(number)))
    shop.call(call("06"))
    shop.recheck()
    reviews = [review for order in shop.orders.values() for review in order.reviews]
    assert ["2", "3", "3"] == [one.order_no for one in reviews if one.reason == "paid_twice"]


def test_a_conflict_names_the_relatives() -> None:
    shop = shop_after(call("01"), call("04", "2"), call("04", "2", money="4500"))
    assert [["1"]] * 2 == [
        [one["order_no"] for one in event["data"]["related_orders"]]
        for event in shop.outcome.events[1:]
    ]


def test_a_relative_that_moves_to_another_purchase_leaves_the_first() -> None:
    shop = Shop()
    shop.call(call("01"), call("01", "2"), call("04", "2", sendid="T"), call("04"))
    assert [] == shop.outcome.events[-1]["data"]["related_orders"]


@pytest.mark.parametrize(
    ("before", "expected"),
    [(["01"], []), (["04"], [opened("unwanted_payment")]), (["04", "06"], [])],
)
def test_an_order_that_becomes_unwanted(before: list[str], expected: list[str]) -> None:
    shop = shop_after(*map(call, before))
    for _ in range(2):
        shop.reject("1")
    assert expected == derived(shop)


def test_an_unwanted_purchase_that_is_paid_all_the_same() -> None:
    shop = Shop(unwanted=[FULL["sendid"]])
    shop.call(call("01"), call("04"), call("05"))
    assert [opened("unwanted_payment")] == derived(shop)
    shop.settle(shop.orders["1"].reviews[0], Settlement.RELEASE)
    assert [settled("unwanted_payment"), RELEASED] == derived(shop)[1:]


def test_the_same_difference_is_told_once_while_its_review_is_open() -> None:
    shop = shop_after(call("01"), call("04", money="4500"), call("05", money="4500"))
    assert [opened("values_differ")] == derived(shop)
    assert ["values_differ"] == shop.outcome.events[-1]["data"]["flags"]


Change = Callable[[Shop], None]


@pytest.mark.parametrize(
    "change",
    [
        lambda shop: shop.presume("1"),
        lambda shop: shop.call(call("04")),
        lambda shop: shop.call(call("05", money="4500")),
    ],
)
def test_every_event_of_an_order_lists_its_relatives(change: Change) -> None:
    shop = shop_after(call("04", "2"), call("01"))
    change(shop)
    related = [{"order_no": "2", "state": "paid", "money": 5400}]
    assert all(
        related == event["data"]["related_orders"]
        for event in shop.outcome.events
        if event["order_no"] == "1"
    )
