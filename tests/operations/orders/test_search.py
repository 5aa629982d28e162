"""Order search by single and combined values, page by page. No index has telephone numbers."""

from datetime import date
from typing import Any

import pytest

from app.operations.errors import BadCursor, BadRange
from app.operations.orders.search import OrderQuery, search_orders
from app.operations.pagination import Place
from tests.operations.operations_setup import PERSONAL, TELNO, OperationsSetup


async def _found(setup: OperationsSetup, place: Place | None = None, **query: Any) -> list[str]:
    page = await search_orders(setup.sessions, place or Place(), OrderQuery.model_validate(query))
    return [order.order_no for order in page.items]


async def _orders(setup: OperationsSetup) -> None:
    await setup.judged("01", "04", order_no="a", money="5400", sendid="A-1", telno="0312345678")
    await setup.judged("01", order_no="b", money="5400", sendid="", telno="09011115678")
    await setup.judged("01", order_no="c", money="900", sendid="A-1", telno="0311112222")
    await setup.judged("01", order_no="d", money="900", sendid="A-2", telno="")
    for order_no, time in zip(
        "abcd", ("22T14:58", "22T14:59", "22T15:00", "22T15:01"), strict=True
    ):
        await setup.run(
            f"UPDATE orders SET created_at = '2026-11-{time}:00Z' WHERE order_no = '{order_no}'"
        )


async def test_orders_are_found_by_every_search_value(
    setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    await _orders(setup)
    for query, found in (
        ({}, "dcba"),
        ({"order_no": "a"}, "a"),
        ({"order_no": "A"}, ""),
        ({"sendid": "A-1"}, "ca"),
        ({"sendid": "A"}, ""),
        ({"telno_tail": "5678"}, "ba"),
        ({"telno_tail": "2222"}, "c"),
        ({"telno_tail": "0000"}, ""),
        ({"money": 5400}, "ba"),
        ({"money": 0}, ""),
        (
            {"date": date(2026, 11, 22)},
            "ba",
        ),  # 14:58 and 14:59 UTC are the last minutes of the day in Japan
        ({"date": "2026-11-23"}, "dc"),
        ({"from": "2026-11-22", "to": "2026-11-22"}, "ba"),
        ({"from": "2026-11-23"}, "dc"),
        ({"to": "2026-11-22"}, "ba"),
        ({"to": "2026-11-21"}, ""),
        ({"from": "2026-11-22", "to": "2026-11-23", "date": "2026-11-23"}, "dc"),
        ({"state": "paid"}, "a"),
        ({"state": "awaiting_payment"}, "dcb"),
        ({"state": "awaiting_payment", "from": "2026-11-22", "to": "2026-11-22"}, "b"),
        ({"state": "awaiting_payment", "from": "2026-11-23"}, "dc"),
        ({"state": "awaiting_payment", "money": 900}, "dc"),
        ({"state": "confirmed"}, ""),
        ({"date": "2026-11-24"}, ""),
        ({"sendid": "A-1", "money": 5400}, "a"),
        ({"telno_tail": "5678", "money": 5400, "date": "2026-11-22"}, "ba"),
        ({"telno_tail": "5678", "date": "2026-11-23"}, ""),
        ({"order_no": "a", "telno_tail": "2222"}, ""),
    ):
        with subtests.test(query=query):
            assert list(found) == await _found(setup, **query)


async def test_a_found_order_shows_its_state_and_no_personal_values(
    setup: OperationsSetup,
) -> None:
    await _orders(setup)
    (order,) = (await search_orders(setup.sessions, Place(), OrderQuery(order_no="a"))).items
    assert ("a", "paid", "入金済", 5400) == (
        order.order_no,
        order.state,
        order.status_name,
        order.money,
    )
    page = await search_orders(setup.sessions, Place(), OrderQuery(telno_tail="5678"))
    assert [] == [secret for secret in PERSONAL if secret in page.model_dump_json()]


async def test_pages_of_a_search_are_complete(setup: OperationsSetup) -> None:
    for number in range(7):
        await setup.judged("01", order_no=f"o{number}")
    await setup.run(
        "UPDATE orders SET created_at = '2026-11-23T00:00:00.000001Z' WHERE order_no < 'o4'"
    )  # several orders with the same time
    days = {"from": "2026-11-01", "to": "2999-12-31"}
    for query in (
        {},
        {"telno_tail": TELNO[-4:]},
        {"money": 5400},
        {"state": "awaiting_payment"},
        days,
        {**days, "state": "awaiting_payment"},
        {**days, "state": "awaiting_payment", "money": 5400},
    ):
        seen: list[str] = []
        place = Place(limit=2)
        while True:
            page = await search_orders(setup.sessions, place, OrderQuery.model_validate(query))
            seen += [order.order_no for order in page.items]
            if not page.has_more:
                break
            place = Place(page.next_cursor, 2)
        assert [f"o{number}" for number in reversed(range(7))] == seen


@pytest.mark.parametrize(
    "cursor",
    ["x", "AAAA", "AAAAAAAAAAA", "~~", "/////////////w", "AAAAAAAAAAAA_w", "AAAAAAAAAAAAAA", "あ"],
)
async def test_a_cursor_of_another_list_is_rejected(setup: OperationsSetup, cursor: str) -> None:
    with pytest.raises(BadCursor):
        await search_orders(setup.sessions, Place(cursor), OrderQuery())


async def test_a_cursor_from_behind_the_range_begins_at_its_end(setup: OperationsSetup) -> None:
    await _orders(setup)
    later = (await search_orders(setup.sessions, Place(limit=1), OrderQuery())).next_cursor
    query: dict[str, Any] = {"to": "2026-11-22", "state": "awaiting_payment"}
    assert ["b"] == await _found(setup, Place(later), **query)


async def test_a_range_that_ends_before_it_begins_is_rejected(setup: OperationsSetup) -> None:
    query: dict[str, Any] = {"from": "2026-11-23", "to": "2026-11-22"}
    with pytest.raises(BadRange):
        await _found(setup, **query)


@pytest.mark.parametrize("tail", ["", "567", "56789", "５６７", "567a", "5678\n9"])
def test_a_tail_is_four_digits(tail: str) -> None:
    with pytest.raises(ValueError, match="telno_tail"):
        OrderQuery(telno_tail=tail)


async def test_no_index_holds_a_telephone_number(setup: OperationsSetup) -> None:
    definitions = [
        row.indexdef
        for row in await setup.rows("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'")
    ]
    about = [
        definition.partition(" USING ")[2].partition(" WHERE ")[0]
        for definition in definitions
        if "telno" in definition
    ]
    assert ["btree (telno_tail, created_at, order_no)"] == about


async def test_the_latest_telephone_number_counts_and_a_call_without_one_changes_nothing(
    setup: OperationsSetup,
) -> None:
    await setup.judged("01", order_no="a", telno="0311115678")
    await setup.judged("04", order_no="a", telno="")
    assert ["a"] == await _found(setup, telno_tail="5678")
    await setup.judged("05", order_no="a", telno="0311112222")
    assert ([], ["a"]) == (
        await _found(setup, telno_tail="5678"),
        await _found(setup, telno_tail="2222"),
    )


async def test_tests_are_included_excluded_or_alone(
    setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    await _orders(setup)
    await setup.run("UPDATE orders SET test = true WHERE order_no IN ('a', 'd')")
    for query, found in (
        ({}, "dcba"),
        ({"test": "include"}, "dcba"),
        ({"test": "exclude"}, "cb"),
        ({"test": "only"}, "da"),
        ({"test": "only", "sendid": "A-1"}, "a"),
        ({"test": "exclude", "sendid": "A-1"}, "c"),
        ({"test": "exclude", "money": 900}, "c"),
        ({"test": "only", "state": "awaiting_payment"}, "d"),
        ({"test": "only", "state": "awaiting_payment", "to": "2026-11-22"}, ""),
        ({"test": "exclude", "order_no": "a"}, ""),
    ):
        with subtests.test(query=query):
            assert list(found) == await _found(setup, **query)
    page = await search_orders(
        setup.sessions, Place(limit=1), OrderQuery.model_validate({"test": "only"})
    )
    assert [True] == [order.test for order in page.items]
    assert ["a"] == await _found(setup, Place(page.next_cursor), test="only")
