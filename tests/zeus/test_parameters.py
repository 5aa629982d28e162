"""Parameters of a call: sizes and readers of their values."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.zeus.parameters import (
    BY_NAME,
    PARAMETERS,
    PERSONAL,
    deadline_of,
    money_of,
    oversize,
    telno_tail_of,
)

# name and most bytes, in the manual's order
SIZES = """
    clientip 10, money 6, username 40, telno 11, email 50, sendid 25, sendpoint 50, order_no 50,
    pay_cvs 4, pay_no1 20, pay_no2 20, pay_limit 8, status 2, error_code 6
"""


def sizes() -> list[tuple[str, int]]:
    return [(name, int(size)) for name, size in (item.split() for item in SIZES.split(","))]


def test_the_parameters_are_those_of_the_manual_in_its_order() -> None:
    assert sizes() == [(parameter.name, parameter.max_bytes) for parameter in PARAMETERS]
    assert [name for name, _ in sizes()] == list(BY_NAME)


def test_personal_is_what_tells_who_paid() -> None:
    expected = {"username", "telno", "email"}
    assert expected == PERSONAL
    assert expected == {name for name, parameter in BY_NAME.items() if parameter.personal}


@pytest.mark.parametrize(("name", "size"), sizes())
def test_a_value_may_fill_its_size_and_not_a_byte_more(name: str, size: int) -> None:
    assert oversize({name: "1" * size}) == ()
    assert (name,) == oversize({name: "1" * (size + 1)})


@pytest.mark.parametrize(
    ("expected", "username"),
    [
        ((), "コ" * 20),  # two bytes each in cp932, three in UTF-8
        (("username",), "コ" * 20 + " "),
        ((), "髙" * 20),  # only cp932 has it, Shift_JIS proper does not
        ((), "ｺ" * 40),  # half-width kana are one byte
        ((), "😀" * 10),  # not in cp932: four bytes each in UTF-8
        (("username",), "😀" * 11),
    ],
)
def test_a_value_is_measured_in_cp932_bytes(expected: tuple[str, ...], username: str) -> None:
    assert expected == oversize({"username": username})


def test_oversize_names_come_in_the_order_of_the_manual_and_leave_unknown_keys_out() -> None:
    expected = ("clientip", "money", "status")
    assert expected == oversize(
        {
            "status": "004",
            "extra": "x" * 99,
            "money": "1000000",
            "telno": "0312345678",
            "clientip": "1" * 11,
        }
    )


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (5400, "5400"),
        (0, "0"),
        (300, "000300"),
        (10**18 - 1, "9" * 18),
        (None, "9" * 19),
        (None, "9" * 5000),
        (None, None),
        (None, ""),
        (None, "-1"),
        (None, "+1"),
        (None, " 1"),
        (None, "1\n"),
        (None, "1_000"),
        (None, "5,400"),
        (None, "54.0"),
        (None, "５４００"),  # int() would read full-width digits
    ],
)
def test_money_is_a_number_of_digits_and_nothing_else(
    expected: int | None, text: str | None
) -> None:
    assert expected == money_of(text)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (date(2026, 12, 31), "20261231"),
        (date(2028, 2, 29), "20280229"),
        (None, "20260229"),
        (None, "20261301"),
        (None, "20261232"),
        (None, "00000101"),
        (None, "2026-12-31"),
        (None, "202612"),
        (None, "202612310"),
        (None, "20261231\n"),
        (None, "２０２６１２３１"),
        (None, ""),
        (None, None),
    ],
)
def test_a_deadline_is_a_day_of_the_calendar(expected: date | None, text: str | None) -> None:
    assert expected == deadline_of(text)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("5678", "0312345678"),
        ("5678", "03-1234-5678"),
        ("5678", "5678"),
        (None, "678"),
        (None, "0312345678\n"),
        (None, "03１２３４"),
        (None, ""),
        (None, None),
    ],
)
def test_the_end_of_a_telephone_number_is_four_digits(
    expected: str | None, text: str | None
) -> None:
    assert expected == telno_tail_of(text)


@given(st.dates())
def test_every_day_can_be_a_deadline(day: date) -> None:
    assert day == deadline_of(f"{day.year:04}{day.month:02}{day.day:02}")


@given(st.text() | st.text("0123456789０", max_size=30))
def test_no_text_makes_reading_raise(text: str) -> None:
    assert isinstance(money_of(text), int | None)
    assert isinstance(deadline_of(text), date | None)
    assert isinstance(telno_tail_of(text), str | None)
    assert set(oversize(dict.fromkeys(BY_NAME, text))) <= set(BY_NAME)
