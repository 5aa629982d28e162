"""Search input as people type and paste it, and that what was typed exactly always wins."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.operations.notices.notices import list_notices
from app.operations.orders.events import list_events
from app.operations.orders.history import show_order
from app.operations.orders.search import OrderQuery, search_orders
from app.operations.pagination import Place
from app.operations.typed_input import fold
from tests.operations.operations_setup import ORDER_NO, OperationsSetup

PLAIN = "1234-56789-01234"
FULL_WIDTH = "１２３４－５６７８９－０１２３４"
BLANKS = " \t\n\r\u3000\u00a0\u2002\u2009\u202f\u200b\u200c\u200d\u2060\ufeff\u00ad"
DASHES = "-‐‑‒–—―−－ー﹣﹘ｰ"
SPELLINGS = [
    PLAIN,
    FULL_WIDTH,
    *(PLAIN.replace("-", dash) for dash in DASHES),
    *(f"{blank}{PLAIN}{blank}" for blank in BLANKS),
    *(PLAIN.replace("-", f"{blank}-{blank}") for blank in BLANKS),
]


@pytest.mark.parametrize("typed", SPELLINGS, ids=ascii)
def test_every_spelling_of_a_number_is_folded_to_the_plain_one(typed: str) -> None:
    assert PLAIN == fold(typed)


@pytest.mark.parametrize(
    ("typed", "plain"),
    [("ＡＢｃ－００１", "ABc-001"), ("", ""), ("　", ""), ("a/b?c.d", "a/b?c.d"), ("ｱ", "ア")],
)
def test_other_signs_stay(typed: str, plain: str) -> None:
    assert plain == fold(typed)


@pytest.mark.parametrize(
    ("field", "typed", "value"),
    [
        ("money", "5400", 5400),
        ("money", "5,400", 5400),
        ("money", "５４００", 5400),
        ("money", "５，４００円", 5400),
        ("money", "5400円", 5400),
        ("money", "¥5,400", 5400),
        ("money", "￥5,400", 5400),
        ("money", "\\5,400", 5400),
        ("money", " 5 400 ", 5400),
        ("money", 5400, 5400),
        ("telno_tail", "５６７８", "5678"),
        ("telno_tail", "　5678 ", "5678"),
        ("telno_tail", "ー5678", "5678"),
        ("date", "2026-11-23", "2026-11-23"),
        ("date", "2026/11/23", "2026-11-23"),
        ("date", "2026/1/3", "2026-01-03"),
        ("date", "２０２６年１１月２３日", "2026-11-23"),
        ("date", "2026年1月3日", "2026-01-03"),
        ("date", "2026.11.23", "2026-11-23"),
        ("date", "20261123", "2026-11-23"),
        ("date", "2026−11−23", "2026-11-23"),
    ],
    ids=ascii,
)
def test_amounts_days_and_telephone_numbers_are_read(field: str, typed: Any, value: Any) -> None:
    assert str(value) == str(getattr(OrderQuery.model_validate({field: typed}), field))


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("money", "5,40"),
        ("money", "-5400"),
        ("money", "5400円5"),
        ("money", ""),
        ("telno_tail", "15678"),
        ("date", "2026/13/1"),
        ("date", "23日"),
    ],
    ids=ascii,
)
def test_what_cannot_be_read_is_refused(field: str, typed: str) -> None:
    with pytest.raises(ValidationError):
        OrderQuery.model_validate({field: typed})


@pytest.mark.parametrize(
    "typed",
    [FULL_WIDTH, f"　{PLAIN}\u00a0", PLAIN.replace("-", "ー"), "1234 - 56789 - 01234"],
    ids=ascii,
)
async def test_every_way_finds_the_order(setup: OperationsSetup, typed: str) -> None:
    await setup.judged("01", order_no=PLAIN, sendid=PLAIN)
    for query in (OrderQuery(order_no=typed), OrderQuery(sendid=typed)):
        assert [PLAIN] == [
            order.order_no for order in (await search_orders(setup.sessions, Place(), query)).items
        ]
    assert PLAIN == (await show_order(setup.sessions, typed)).order_no
    assert 1 == len((await list_notices(setup.sessions, Place(), order_no=typed)).items)
    assert 1 == len((await list_events(setup.sessions, Place(), order_no=typed)).items)


async def test_what_was_typed_exactly_wins(setup: OperationsSetup) -> None:
    await setup.judged("01", order_no=ORDER_NO, sendid="A-1")
    await setup.judged("01", order_no="９", sendid="Ａー１")
    await setup.judged("01", order_no="9", sendid="x")
    assert ("９", "9") == (
        (await show_order(setup.sessions, "９")).order_no,
        (await show_order(setup.sessions, "9")).order_no,
    )
    for typed, number in (("Ａー１", "９"), ("A-1", ORDER_NO), (" A‐1", ORDER_NO)):
        found = await search_orders(setup.sessions, Place(), OrderQuery(sendid=typed))
        assert [number] == [order.order_no for order in found.items]
