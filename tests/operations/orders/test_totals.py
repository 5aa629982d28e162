"""Totals by day in Japan, store and IP code, and by state within."""

from typing import Any

import pytest

from app.clock import now
from app.events.types import OrderState
from app.operations.errors import BadRange
from app.operations.orders.days import JAPAN
from app.operations.orders.totals import MOST_DAYS, PAYABLE, Totals, TotalsQuery, read_totals
from app.zeus.statuses import Status
from tests.operations.operations_setup import OperationsSetup


async def _orders(setup: OperationsSetup) -> None:
    await setup.judged("01", "04", order_no="a", money="5400", pay_cvs="D001")
    await setup.judged("01", "04", "05", order_no="b", money="900", pay_cvs="D002")
    await setup.judged("01", order_no="c", money="", pay_cvs="D002")
    await setup.judged(
        "01", "04", "06", order_no="d", money="70", pay_cvs="", clientip="2012000002"
    )
    for order_no, time in zip(
        "abcd", ("22T14:59:59", "22T15:00", "23T14:59:59", "23T15:00"), strict=True
    ):
        await setup.run(
            f"UPDATE orders SET created_at = '2026-11-{time}Z' WHERE order_no = '{order_no}'"
        )


async def _totals(setup: OperationsSetup, first: str, last: str, by: str = "day") -> Totals:
    query = TotalsQuery.model_validate({"from": first, "to": last, "by": by})
    return await read_totals(setup.sessions, query)


def _brief(totals: Totals) -> list[tuple[Any, ...]]:
    return [(group.key, group.orders, group.payable.money) for group in totals.groups]


async def test_days_are_those_of_japan_and_none_is_left_out(setup: OperationsSetup) -> None:
    await _orders(setup)
    totals = await _totals(setup, "2026-11-21", "2026-11-23")
    assert [("2026-11-21", 0, 0), ("2026-11-22", 1, 5400), ("2026-11-23", 2, 900)] == _brief(totals)
    assert (3, 6300, 1) == (totals.total.orders, totals.total.money, totals.total.without_money)
    assert (2, 6300) == (totals.total.payable.orders, totals.total.payable.money)


async def test_stores_come_with_their_names_the_largest_sum_first(setup: OperationsSetup) -> None:
    await _orders(setup)
    totals = await _totals(setup, "2026-11-22", "2026-11-24", "store")
    assert [("D001", 1, 5400), ("D002", 2, 900), (None, 1, 0)] == _brief(totals)
    assert ["セブン-イレブン", "ローソン", None] == [group.name for group in totals.groups]


async def test_ip_codes(setup: OperationsSetup) -> None:
    await _orders(setup)
    totals = await _totals(setup, "2026-11-22", "2026-11-24", "clientip")
    assert [("2012000001", 3, 6300), ("2012000002", 1, 0)] == _brief(totals)


async def test_states_are_counted_and_added_up(setup: OperationsSetup) -> None:
    await _orders(setup)
    totals = await _totals(setup, "2026-11-22", "2026-11-24")
    assert [
        ("awaiting_payment", 1, 0, 1),
        ("paid", 1, 5400, 0),
        ("confirmed", 1, 900, 0),
        ("reversed", 1, 70, 0),
    ] == [
        (total.state, total.orders, total.money, total.without_money)
        for total in totals.total.states
    ]


def test_payable_is_what_zeus_calls_payable() -> None:
    assert {OrderState[status.name] for status in Status if status.payable} == PAYABLE


@pytest.mark.parametrize(
    ("given", "days"),
    [
        ({"from": "2026-01-01", "to": "2026-01-01"}, 1),
        ({"from": "2026-01-01"}, 30),
        ({"to": "2026-01-31"}, 30),
        ({}, 30),
        ({"to": "2000-01-01"}, 1),
        ({"from": "2025-01-01", "to": "2026-02-04"}, MOST_DAYS),
    ],
)
def test_ranges(given: dict[str, str], days: int) -> None:
    first, last = TotalsQuery.model_validate(given).days
    assert days == (last - first).days + 1


def test_the_default_range_ends_today() -> None:
    today = now().astimezone(JAPAN).date()
    assert today == TotalsQuery().days[1]
    assert (today, today) == TotalsQuery.model_validate({"from": today}).days


@pytest.mark.parametrize(
    "given",
    [
        {"from": "2026-01-02", "to": "2026-01-01"},
        {"from": "2025-01-01", "to": "2026-02-05"},
        {"from": "2999-01-01"},
    ],
)
def test_ranges_that_are_none_or_too_long(given: dict[str, str]) -> None:
    with pytest.raises(BadRange):
        _ = TotalsQuery.model_validate(given).days


async def test_tests_are_left_out_unless_asked_for(setup: OperationsSetup) -> None:
    await _orders(setup)
    await setup.run("UPDATE orders SET test = true WHERE order_no = 'a'")
    span = {"from": "2026-11-22", "to": "2026-11-24"}
    for test, orders, money in (
        (None, 3, 970),
        ("exclude", 3, 970),
        ("include", 4, 6370),
        ("only", 1, 5400),
    ):
        query = TotalsQuery.model_validate(span | ({"test": test} if test else {}))
        totals = await read_totals(setup.sessions, query)
        assert (test or "exclude", orders, money) == (
            totals.test,
            totals.total.orders,
            totals.total.money,
        )
