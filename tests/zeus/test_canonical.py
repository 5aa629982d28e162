"""Canonical values: one order, one status, one amount in every spelling."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db.lanes import lane_of
from app.zeus.canonical import canonical, is_invisible
from app.zeus.wire import Style, decode, encode, order_no_of

INVISIBLE = {
    "space": " ",
    "line feed": "\n",
    "carriage return and line feed": "\r\n",
    "tab": "\t",
    "full-width blank": "\u3000",
    "no-break space": "\u00a0",
    "thin space": "\u2009",
    "byte order mark": "\ufeff",
    "zero-width space": "\u200b",
    "zero-width joiner": "\u200d",
    "word joiner": "\u2060",
    "soft hyphen": "\u00ad",
    "right-to-left override": "\u202e",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "next line": "\u0085",
    "escape": "\x1b",
    "delete": "\x7f",
    "NUL": "\0",
    "Hangul filler": "\u3164",
    "half-width Hangul filler": "\uffa0",
    "variation selector": "\ufe0f",
    "grapheme joiner": "\u034f",
    "language tag": "\U000e0041",
    "empty Braille pattern": "\u2800",
}


def sent(**values: str) -> bytes:
    return encode({name: value.encode("utf-8") for name, value in values.items()})


@pytest.mark.parametrize("character", INVISIBLE.values(), ids=INVISIBLE)
@pytest.mark.parametrize("shape", ["{}X-1", "X-1{}", "{0}X-1{0}", "{0}{0}X-1{0}{0}"])
def test_invisible_characters_around_a_number_mean_nothing(shape: str, character: str) -> None:
    spelled = shape.format(character)
    query = sent(order_no=spelled, status="04")
    call = decode(query)
    assert (call.order_no, order_no_of(query)) == ("X-1", "X-1")
    assert "trimmed:order_no" in call.flags
    assert call.problems == ()
    assert call.values["order_no"] == spelled.replace(
        "\0", "\ufffd"
    )  # as it was sent, except signs that cannot be stored
    assert lane_of(order_no_of(query)) == lane_of("X-1")


@pytest.mark.parametrize("character", INVISIBLE.values(), ids=INVISIBLE)
def test_an_invisible_character_inside_a_number_is_a_problem(
    character: str,
) -> None:
    query = sent(order_no=f"X{character}1")
    call = decode(query)
    assert call.problems == ("invisible:order_no",)
    assert call.order_no == order_no_of(query) == f"X{character}1".replace("\0", "\ufffd")


@pytest.mark.parametrize(
    "number", ["X_1", "X+1", "X/1", "X\u2010" + "1", "１２３", "オーダー1", "X\ufffd", "é"]
)
def test_any_other_sign_outside_the_manual_is_taken_as_it_is_and_flagged(number: str) -> None:
    query = sent(order_no=number)
    call = decode(query)
    assert (call.order_no, order_no_of(query)) == (number, number)
    assert "unusual:order_no" in call.flags
    assert "trimmed:order_no" not in call.flags
    assert call.problems == ()


@pytest.mark.parametrize("number", ["1234-56789-01234", "A.b-9", "0"])
def test_a_number_of_the_manuals_form_has_no_flag(number: str) -> None:
    call = decode(sent(order_no=number))
    assert (call.order_no, call.flags, call.problems) == (number, (), ())


@pytest.mark.parametrize(
    ("meant", "flags", "name", "spelled"),
    [
        ("04", (), "status", "04"),
        ("04", ("trimmed:status",), "status", "04 "),
        ("04", ("trimmed:status",), "status", "\u3000" + "04\r\n"),
        ("04", ("full_width:status",), "status", "０４"),
        ("4", (), "status", "4"),  # may be the rest of 14 or a code of another service
        ("4", ("trimmed:status",), "status", "4 "),
        ("4", ("full_width:status",), "status", "４"),
        ("5400", (), "money", "005400"),
        ("5400", ("trimmed:money",), "money", " 5400"),
        ("5400", ("full_width:money",), "money", "５４００"),
        ("5400", ("full_width:money", "trimmed:money"), "money", "００５４００\u00a0"),
        ("0", (), "money", "000"),
        ("5,400", (), "money", "5,400"),
        ("-5400", (), "money", "-5400"),
        ("", ("trimmed:money",), "money", "\u3000"),
        ("2012000001", ("full_width:clientip",), "clientip", "２０１２０００００１"),
        ("0012000001", (), "clientip", "0012000001"),  # a code, not a number
        ("20261231", ("trimmed:pay_limit",), "pay_limit", "20261231\t"),
        ("20261231", ("full_width:pay_limit",), "pay_limit", "２０２６１２３１"),
        ("0012", (), "pay_no1", "0012"),
        ("12AB", ("full_width:pay_no2",), "pay_no2", "１２ＡＢ"),
        ("D001", ("trimmed:pay_cvs",), "pay_cvs", "D001 "),
        ("0008", ("trimmed:error_code",), "error_code", " 0008"),
        ("0312345678", ("trimmed:telno",), "telno", "0312345678 "),
        (" A ", (), "sendid", " A "),  # the merchant's own words
        ("Ａ", (), "sendpoint", "Ａ"),
        ("コンビニ ", (), "username", "コンビニ "),
    ],
)
def test_what_a_value_means(meant: str, flags: tuple[str, ...], name: str, spelled: str) -> None:
    call = decode(sent(**{name: spelled}))
    assert (call.meant[name], call.values[name]) == (meant, spelled)
    assert flags == tuple(flag for flag in call.flags if not flag.startswith("oversize"))


@pytest.mark.parametrize(
    ("flags", "problems", "query"),
    [
        (("repeated_key:money",), (), b"money=5400&money=005400"),
        (
            ("oversize:status", "repeated_key:status", "trimmed:status"),
            (),
            b"status=04%20&status=04",
        ),
        (("repeated_key:order_no",), (), b"order_no=X&order_no=X%20"),
        ((), ("repeated_key:sendid",), b"sendid=A&sendid=A%20"),
        (("undecodable:order_no",), ("undecodable:order_no",), b"order_no=X%FF"),
        (("truncated:order_no",), ("truncated:order_no",), b"order_no=X%83"),
        (("undecodable:status",), ("undecodable:status",), b"status=04%FE"),
        (("undecodable:order_no",), (), b"order_no=X%A0"),  # a no-break space of Latin-1
        (("undecodable:money",), (), b"money=5400%FF"),
    ],
)
def test_an_unclear_order_no_or_status_is_a_problem(
    flags: tuple[str, ...], problems: tuple[str, ...], query: bytes
) -> None:
    call = decode(query)
    assert (flags, problems) == (call.flags, call.problems)


def test_a_long_value_is_read_in_a_time_that_grows_with_its_length() -> None:
    zeros = "0" * 60_000
    assert canonical("money", zeros + "x") == zeros + "x"
    assert canonical("money", zeros + "7") == "7"
    assert decode(b"order_no=" + b"%20" * 20_000).order_no == ""


ANY_INVISIBLE = st.characters(categories=["Cc", "Cf", "Zs", "Zl", "Zp"])


@given(st.characters())
def test_blanks_controls_and_fillers_are_invisible(character: str) -> None:
    if unicodedata.category(character) in ("Cc", "Cf", "Zs", "Zl", "Zp"):
        assert is_invisible(character)
    if character.isprintable() and character.isascii() and character != " ":
        assert not is_invisible(character)


@given(
    st.text("0123456789ABCabc.-", min_size=1, max_size=50),
    st.text(ANY_INVISIBLE, max_size=4),
    st.text(ANY_INVISIBLE, max_size=4),
    st.sampled_from(Style),
)
def test_invisible_outer_characters_never_change_the_order(
    number: str, before: str, behind: str, style: Style
) -> None:
    query = encode({"order_no": f"{before}{number}{behind}".encode()}, style=style)
    call = decode(query)
    assert (call.order_no, order_no_of(query), call.problems) == (number, number, ())
    assert lane_of(order_no_of(query)) == lane_of(number)
