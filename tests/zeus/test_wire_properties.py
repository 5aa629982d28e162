"""Properties of every call, for any bytes."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.zeus.parameters import BY_NAME
from app.zeus.wire import Style, decode, encode, order_no_of

KNOWN_KEY = "|".join(BY_NAME)
FLAWS = "repeated_key|oversize|truncated|undecodable|nul|double_escaped|trimmed|full_width"
FLAG = re.compile(rf"unknown_key|unusual:order_no|({FLAWS}):({KNOWN_KEY})")
PROBLEM = re.compile(
    rf"repeated_key:({KNOWN_KEY})|invisible:order_no|(truncated|undecodable):(order_no|status)"
)

SYLLABLES = [
    *(b"order_no", b"order%5Fno", b"%6frder_no", b"username", b"money", b"sendid", b"status", b"x"),
    *(
        b"=",
        b"=",
        b"&",
        b"&",
        b"%",
        b"+",
        b"#",
        b";",
        b" ",
        b"\n",
        b"\0",
        b"%00",
        b"%2D",
        b"%252d",
        b"%25",
        b"%26",
        b"%3D",
    ),
    *(
        b"1",
        b"2",
        b"A",
        b"\x83",
        b"%83",
        b"%83A",
        b"\x83\\",
        b"\x80",
        b"%FF",
        b"\xe3\x82\xb3",
        b"%ED%A0%80",
        b"\x85\x40",
    ),
]
LIKELY = st.lists(st.sampled_from(SYLLABLES) | st.binary(max_size=2), max_size=30).map(b"".join)
BYTES = st.binary(max_size=200) | LIKELY


@settings(max_examples=1000, deadline=None)
@given(BYTES, BYTES)
@example(b"", b"")
@example(b"&order_no", b"order_no=1")
def test_any_bytes_decode_to_text_that_can_be_stored(query: bytes, body: bytes) -> None:
    call = decode(query, body)
    for text in (*call.values.values(), *call.unknown, *call.unknown.values()):
        assert text == text.encode("utf-8").decode("utf-8")
        assert "\0" not in text
    assert call.values.keys() <= BY_NAME.keys()
    assert not call.unknown.keys() & BY_NAME.keys()
    assert bool(call.unknown) == ("unknown_key" in call.flags)


@settings(max_examples=1000, deadline=None)
@given(BYTES, BYTES)
def test_flags_and_problems_keep_to_their_vocabulary(query: bytes, body: bytes) -> None:
    call = decode(query, body)
    assert tuple(sorted(set(call.flags))) == call.flags
    assert tuple(sorted(set(call.problems))) == call.problems
    assert [flag for flag in call.flags if not FLAG.fullmatch(flag)] == []
    assert [problem for problem in call.problems if not PROBLEM.fullmatch(problem)] == []


@settings(max_examples=2000, deadline=None)
@given(BYTES, BYTES)
@example(b"order_no\n=1", b"")
@example(b"order_no\n", b"order_no=1")
@example(b"x\norder_no=1", b"")
def test_order_no_of_agrees_with_decode(query: bytes, body: bytes) -> None:
    assert decode(query, body).order_no == order_no_of(query, body)


KATAKANA = "".join(map(chr, range(ord("ァ"), ord("ヶ") + 1))) + "ー"
NAME = st.text(KATAKANA + "\u3000", max_size=20)
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
# A hyphen that came escaped twice looks like these three characters in the merchant's own value.
ECHOED = st.text(LETTERS + DIGITS + "\\#$%^~`-_@[],/*?+=", max_size=25).filter(
    lambda text: not re.search("%2[Dd]", text)
)
FORMS = {
    "clientip": st.text(DIGITS, min_size=10, max_size=10),
    "money": st.integers(200, 299999).map(str),
    "username": NAME,
    "telno": st.text(DIGITS, max_size=11),
    "email": st.text(LETTERS + DIGITS + "!#$&'*+-/=?^_`{|}~.@", max_size=50),
    "sendid": ECHOED,
    "sendpoint": ECHOED,
    "order_no": st.text(LETTERS + DIGITS + ".-", max_size=50),
    "pay_cvs": st.text(LETTERS + DIGITS, max_size=4),
    "pay_no1": st.text(LETTERS + DIGITS, max_size=20),
    "pay_no2": st.text(LETTERS + DIGITS, max_size=20),
    "pay_limit": st.dates().map("{:%Y%m%d}".format).filter(lambda text: len(text) == 8),
    "status": st.sampled_from(["01", "02", "03", "04", "05", "06", "11", "12", "13", "07"]),
    "error_code": st.sampled_from(["", "800000", "0008"]),
}


def test_there_is_a_form_for_every_parameter() -> None:
    assert list(BY_NAME) == list(FORMS)


@pytest.mark.parametrize("style", Style)
@settings(max_examples=150, deadline=None)
@given(values=st.fixed_dictionaries({}, optional=FORMS))
def test_what_was_encoded_is_decoded_again_without_a_flaw(
    style: Style, values: dict[str, str]
) -> None:
    call = decode(encode(values, style=style))
    assert list(values.items()) == list(call.values.items())
    assert (call.unknown, call.flags, call.problems) == ({}, (), ())


@settings(max_examples=300, deadline=None)
@given(NAME)
def test_a_name_in_utf8_is_the_same_name(name: str) -> None:
    assert decode(encode({"username": name})) == decode(encode({"username": name.encode("utf-8")}))


@settings(max_examples=300, deadline=None)
@given(st.text(KATAKANA, min_size=1, max_size=20), st.sampled_from(Style))
def test_a_name_cut_in_half_keeps_every_whole_character(name: str, style: Style) -> None:
    call = decode(encode({"username": name.encode("cp932")[:-1]}, style=style))
    assert name[:-1] == call.values["username"]
    assert call.flags == ("truncated:username",)


LEADS = [*range(0x81, 0xA0), *range(0xE0, 0xFD)]
TRAILS = [*range(0x40, 0x7F), *range(0x80, 0xFD)]


@pytest.mark.parametrize("style", Style)
def test_splitting_never_depends_on_a_trail_byte(style: Style) -> None:
    """Yield every pair that Shift_JIS can form, assigned or not, in every spelling."""
    for lead in LEADS:
        for trail in TRAILS:
            query = encode({"username": bytes([lead, trail]), "order_no": "1-2"}, style=style)
            call = decode(query)
            assert list(call.values) == ["username", "order_no"], query
            assert (call.values["order_no"], call.unknown) == ("1-2", {}), query


def two_byte_characters() -> list[str]:
    characters = []
    for lead in LEADS:
        for trail in TRAILS:
            try:
                characters.append(bytes([lead, trail]).decode("cp932"))
            except UnicodeDecodeError:
                continue
    return characters


@pytest.mark.parametrize("style", Style)
def test_every_character_of_two_bytes_survives(style: Style) -> None:
    characters = two_byte_characters()
    assert len(characters) > 9000
    for character in characters:
        assert (
            character == decode(encode({"username": character}, style=style)).values["username"]
        ), character
