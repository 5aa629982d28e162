"""Invented orders are plausible, repeatable, and written as the contract says."""

import re
from datetime import date

import pytest

from app.simulator.player.orders import Contract, build_orders, build_run
from app.simulator.player.scenarios import SCENARIOS
from app.zeus.parameters import PARAMETERS, PERSONAL, deadline_of, oversize
from app.zeus.stores import store_of
from app.zeus.wire import Style, decode

TODAY = date(2026, 11, 23)
USUAL = SCENARIOS["usual"]
NAMES = [parameter.name for parameter in PARAMETERS]
FREE = re.compile(r"[0-9A-Za-z\\#$%^~`\-_@\[\],/*?+=]*")


def test_values_have_the_forms_of_the_manual() -> None:
    for order in build_orders(USUAL, 500, seed=3, today=TODAY):
        values = order.values
        assert oversize(values) == ()
        assert re.fullmatch(r"[0-9]{4}-[0-9]{5}-[0-9]{5}", values["order_no"])
        assert 200 <= int(values["money"]) <= 299_999
        assert re.fullmatch(r"[ァ-ヶー]+　[ァ-ヶー]+", values["username"])
        assert re.fullmatch(r"0[0-9]{8,10}", values["telno"])
        assert re.fullmatch(r"[a-z0-9]+@example\.com", values["email"])
        assert FREE.fullmatch(values["sendid"])
        assert FREE.fullmatch(values["sendpoint"])
        assert (
            "%2" not in values["sendid"] + " " + values["sendpoint"]
        )  # never mistaken for a doubly escaped hyphen
        store = store_of(values["pay_cvs"])
        assert store is not None
        assert values["pay_no1"].isdigit()
        assert bool(values["pay_no2"]) == (store.pay_no2_label is not None)
        deadline = deadline_of(values["pay_limit"])
        assert deadline is not None
        assert 2 <= (deadline - TODAY).days <= 59


def test_orders_of_a_run_differ_in_their_numbers() -> None:
    orders = build_run(list(SCENARIOS.values()), 200, seed=4)

    assert len(orders) == 200 * len(SCENARIOS)
    assert len({order.order_no for order in orders}) == len(orders)


def test_a_seed_repeats_the_same_orders_and_another_does_not() -> None:
    first = build_orders(USUAL, 5, seed=5, today=TODAY)

    assert build_orders(USUAL, 5, seed=5, today=TODAY) == first
    assert not {order.order_no for order in first} & {
        order.order_no for order in build_orders(USUAL, 5, seed=6, today=TODAY)
    }


@pytest.mark.parametrize("style", Style)
def test_a_call_decodes_to_what_was_meant_in_every_style(style: Style) -> None:
    for order in build_orders(USUAL, 200, seed=7, contract=Contract(style=style)):
        for call in order.calls:
            heard = decode(call.query)
            assert dict(heard.values) == {**order.values, "status": call.status}
            assert list(heard.values) == NAMES
            assert (heard.flags, heard.problems, dict(heard.unknown)) == ((), (), {})


def test_only_the_agreed_parameters_are_sent_in_the_manuals_order() -> None:
    (order,) = build_orders(
        USUAL, 1, seed=8, contract=Contract("2012000009", ("status", "order_no", "clientip"))
    )

    assert [call.query for call in order.calls] == [
        f"clientip=2012000009&order_no={order.order_no}&status={status}".encode()
        for status in ("01", "04", "05")
    ]


def test_a_failed_application_has_a_reason_and_no_slip() -> None:
    (order,) = build_orders(SCENARIOS["failed"], 1, seed=9)
    values = decode(order.calls[0].query).values

    expected = {"status": "02", "error_code": "0008", "pay_no1": "", "pay_no2": "", "pay_limit": ""}
    assert {name: values[name] for name in expected} == expected


def test_a_conflict_differs_in_the_money_alone() -> None:
    (order,) = build_orders(SCENARIOS["conflict"], 1, seed=10)
    first, second = (dict(decode(call.query).values) for call in order.calls[1:])

    assert {name for name in NAMES if first[name] != second[name]} == {"money"}


def test_after_a_timeout_the_very_same_bytes_are_sent() -> None:
    (order,) = build_orders(SCENARIOS["after-timeout"], 1, seed=11)

    assert order.calls[1].query == order.calls[2].query


def test_odd_bytes_are_as_odd_as_they_claim() -> None:
    (order,) = build_orders(SCENARIOS["odd-bytes"], 1, seed=12)
    name, store, nameless, twice, unknown, long, nul, plain = [call.query for call in order.calls]

    assert b"%81@" in name  # the full-width space, its second byte left bare
    assert decode(store).values["pay_cvs"] == "D999"
    assert b"order_no" not in nameless
    assert decode(twice).problems == ("repeated_key:money",)
    assert b"&status=99&" in unknown
    assert len(decode(long).values["sendpoint"]) == 8192
    assert b"sendid=A%00B&" in nul
    assert decode(plain).flags == ()


def test_personal_data_does_not_show_in_a_representation() -> None:
    (order,) = build_orders(USUAL, 1, seed=13, contract=Contract(style=Style.RAW))

    assert [name for name in PERSONAL if order.values[name] in repr(order)] == []
    assert "username" not in repr(order)
