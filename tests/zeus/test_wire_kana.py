"""Names whose bytes are valid in Shift_JIS and in UTF-8, and the reading that is chosen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.zeus.wire import Style, decode, encode

SAMPLES = [
    # bytes of the name, its reading, and the reading in the other encoding (None: unreadable there)
    ("C5 B6", "ﾅｶ", "Ŷ"),
    ("C6 BC 20 CF BA", "ﾆｼ ﾏｺ", "Ƽ Ϻ"),
    ("D0 B7 20 D5 B3", "ﾐｷ ﾕｳ", "з ճ"),
    ("C4 BC 20 CF B5", "ﾄｼ ﾏｵ", "ļ ϵ"),
    ("D3 B4", "ﾓｴ", "Ӵ"),
    ("C6 BC D1 B6", "ﾆｼﾑｶ", "ƼѶ"),
    ("C2 B7 CF BA", "ﾂｷﾏｺ", "·Ϻ"),
    ("C5 B6 C5 81 40 D0 B7", "ﾅｶﾅ　ﾐｷ", "ŶŁ@з"),
    ("4D 41 52 59 20 D0 B7", "MARY ﾐｷ", "MARY з"),
    ("C3 BD C4", "ﾃｽﾄ", None),
    ("D4 CF C0 DE 20 D5 B3 BA", "ﾔﾏﾀﾞ ﾕｳｺ", None),
    ("83 69 83 4A 81 40 83 7D 83 52", "ナカ　マコ", None),
    ("E3 83 8A E3 82 AB", "ナカ", "繝翫き"),
    ("4A 6F 73 C3 A9", "José", "Josﾃｩ"),
    ("C3 89 72 69 63", "Éric", "ﾃ詠ic"),
    ("4E 6F C3 AB 6C", "Noël", "Noﾃｫl"),
    ("C2 A0", "\u00a0", None),
    ("65 CC 81", "e\u0301", None),
]


@pytest.mark.parametrize(("raw", "read", "other"), SAMPLES)
def test_a_name_is_read_as_the_manual_makes_likely(raw: str, read: str, other: str | None) -> None:
    name = bytes.fromhex(raw)
    assert {read, other} - {None} <= {_readings(name, "utf-8"), _readings(name, "cp932")}
    call = decode(encode({"username": name}))
    assert (call.values["username"], call.flags) == (read, ())


def _readings(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


HALF_WIDTH = "".join(map(chr, range(0xFF61, 0xFFA0)))


@given(st.text(HALF_WIDTH + " ", min_size=1, max_size=40), st.sampled_from(Style))
def test_every_name_in_half_width_kana_comes_out_as_it_was_sent(name: str, style: Style) -> None:
    assert name == decode(encode({"username": name}, style=style)).values["username"]


@pytest.mark.parametrize("name", ["sendid", "sendpoint", "email", "order_no", "pay_no1"])
def test_other_values_are_ascii_in_the_manual_and_are_read_as_utf8_first(name: str) -> None:
    assert decode(encode({name: b"\xc5\xb6"})).values[name] == "Ŷ"
