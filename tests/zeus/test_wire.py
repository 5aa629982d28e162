"""Decoding of a call's bytes: one example for every rule."""

import pytest

from app.zeus.wire import Call, Style, decode, encode, order_no_of


@pytest.mark.parametrize(
    ("expected", "flags", "raw"),
    [
        ("コンビニ", (), b"%83R%83%93%83r%83j"),
        ("コンビニ", (), "コンビニ".encode()),
        ("コンビニ", (), "コンビニ".encode("cp932")),
        ("①㈱髙～－", (), b"%87%40%87%8A%FB%FC%81%60%81%7C"),
        ("ソ", (), b"%83\\"),
        ("ﾀﾛｳ", (), b"%C0%DB%B3"),
        ("コ ン", (), b"%83R+%83%93"),
        ("コ+ン", (), b"%83R%2B%83%93"),
        ("コ　ン", (), b"%83R%81@%83%93"),
        ("", (), b""),
        ("コ", ("truncated:username",), b"%83R%83"),
        ("", ("truncated:username",), b"%FC"),
        ("コ", ("undecodable:username",), b"%83R%83%20%83R"),
        ("コ", ("undecodable:username",), b"%83R%85%40"),  # an unassigned pair
        ("コ", ("undecodable:username",), b"%83R%80"),
        ("コ", ("undecodable:username",), b"%83R%A0"),
        ("コ", ("undecodable:username",), b"%83R%FD"),
        ("コ", ("undecodable:username",), b"%83R%FE"),
        ("コ", ("undecodable:username",), b"%83R%FF"),
        ("コ", ("undecodable:username",), b"%83R%FF%83"),
        (
            "恝",
            ("undecodable:username",),
            b"%ED%A0%80",
        ),  # a surrogate is not valid UTF-8, so this is a pair and a lone byte
        ("A", ("undecodable:username",), b"A%FF%00"),
        ("A\ufffdB", ("nul:username",), b"A%00B"),
        ("A\ufffdB", ("nul:username",), b"A\0B"),
        ("コ\ufffd", ("nul:username", "truncated:username"), b"%83R%00%83"),
        ("%", (), b"%"),
        ("%4", (), b"%4"),
        ("%zz", (), b"%zz"),
        ("a=b=c", (), b"a=b=c"),
        ("Ａａ", (), b"%82%60%82%81"),  # no normalisation, no change of case
        ("e\u0301", (), b"e%CC%81"),
    ],
)
def test_a_name_is_read_as_utf8_or_cp932_and_what_cannot_be_read_is_flagged(
    expected: str, flags: tuple[str, ...], raw: bytes
) -> None:
    assert Call({"username": expected}, {}, flags, ()) == decode(b"username=" + raw)


@pytest.mark.parametrize("name", ["sendid", "sendpoint", "order_no", "email"])
def test_a_plus_stays_a_plus_where_it_is_allowed(name: str) -> None:
    expected = {name: "a+b+c"}
    assert expected == decode(f"{name}=a+b%2Bc".encode()).values


@pytest.mark.parametrize(
    "name",
    [
        "clientip",
        "money",
        "username",
        "telno",
        "pay_cvs",
        "pay_no1",
        "pay_limit",
        "status",
        "error_code",
    ],
)
def test_a_plus_is_a_space_elsewhere(name: str) -> None:
    expected = {name: "1 2"}
    assert expected == decode(f"{name}=1+2".encode()).values


@pytest.mark.parametrize(
    ("expected", "flags", "raw"),
    [
        ("A-1", (), b"A-1"),
        ("A-1", (), b"A%2D1"),
        ("A-1", (), b"A%2d1"),
        ("A-1", ("double_escaped:sendid",), b"A%252D1"),
        ("A-1", ("double_escaped:sendid",), b"A%252d1"),
        ("A-1-2", ("double_escaped:sendid",), b"A%252D1%2D2"),
        ("A%252D1", (), b"A%25252D1"),  # three times has never been seen
        ("A%2E1", (), b"A%252E1"),  # only hyphens have been seen doubly escaped; % is allowed here
    ],
)
def test_a_hyphen_may_come_escaped_twice(expected: str, flags: tuple[str, ...], raw: bytes) -> None:
    assert Call({"sendid": expected}, {}, flags, ()) == decode(b"sendid=" + raw)


@pytest.mark.parametrize(
    ("call", "query", "body"),
    [
        (Call({}, {}, (), ()), b"", b""),
        (Call({}, {}, (), ()), b"&&", b"&"),
        (Call({"status": ""}, {}, (), ()), b"status", b""),
        (Call({"status": ""}, {}, (), ()), b"status=", b""),
        (Call({"order_no": "1"}, {}, (), ()), b"order%5fno=1", b""),
        (Call({}, {"Status": "04"}, ("unknown_key",), ()), b"Status=04", b""),
        (Call({}, {"status ": "04"}, ("unknown_key",), ()), b"status%20=04", b""),
        (Call({}, {"": "04"}, ("unknown_key",), ()), b"=04", b""),
        (Call({}, {" ": ""}, ("unknown_key",), ()), b"& &", b""),
        (Call({}, {"店": "コ"}, ("unknown_key",), ()), b"%93X=%83R", b""),
        (Call({}, {"status\\xff": "04"}, ("unknown_key",), ()), b"status%FF=04", b""),
        (Call({}, {"status\ufffd": "\ufffd"}, ("unknown_key",), ()), b"status%00=%00", b""),
        (Call({}, {"a": "1"}, ("unknown_key",), ()), b"a=1&a=2", b""),
        (
            Call({"order_no": "1", "status": "04"}, {"shop": "7"}, ("unknown_key",), ()),
            b"shop=7",
            b"order_no=1&status=04",
        ),
        (Call({"money": "1"}, {}, ("repeated_key:money",), ()), b"money=1&money=1", b""),
        (Call({"money": "1"}, {}, ("repeated_key:money",), ()), b"money=1", b"money=1"),
        (Call({"money": "1"}, {}, ("repeated_key:money",), ()), b"money=1&money=%31", b""),
        (Call({"money": "1"}, {}, (), ("repeated_key:money",)), b"money=1&money=2", b""),
        (Call({"money": "1"}, {}, (), ("repeated_key:money",)), b"money=1", b"money=2"),
        (Call({"money": ""}, {}, (), ("repeated_key:money",)), b"money=&money=2", b""),
        (
            Call({"money": "1"}, {}, ("repeated_key:money",), ("repeated_key:money",)),
            b"money=1&money=1&money=2",
            b"",
        ),
        (
            Call({"money": "1"}, {}, ("undecodable:money",), ("repeated_key:money",)),
            b"money=1%FE&money=1%FF",
            b"",
        ),
        (
            Call({"money": "1"}, {}, ("truncated:money",), ("repeated_key:money",)),
            b"money=1&money=1%83",
            b"",
        ),
        (Call({"status": "004"}, {}, ("oversize:status",), ()), b"status=004", b""),
        (Call({"sendid": "A#B", "status": "04"}, {}, (), ()), b"sendid=A#B&status=04", b""),
        (Call({"sendid": "A;status=05"}, {}, (), ()), b"sendid=A;status=05", b""),
    ],
)
def test_keys_and_repetitions(call: Call, query: bytes, body: bytes) -> None:
    assert call == decode(query, body)


def test_values_keep_the_order_of_arrival() -> None:
    expected = ["status", "order_no", "money"]
    assert expected == list(decode(b"status=04&order_no=1&x=1", b"money=5&status=04").values)


@pytest.mark.parametrize(
    ("expected", "query", "body"),
    [
        ("", b"", b""),
        ("", b"status=04", b""),
        ("", b"order_no", b""),
        ("", b"order_no&order_no=2", b""),
        ("", b"order_no=&order_no=2", b""),
        ("1", b"order_no=1&order_no=2", b""),
        ("2", b"status=04", b"order_no=2"),
        ("1", b"order_no=1", b"order_no=2"),
        ("1-2", b"%6Frder%5fno=1%2D2", b""),
        ("1-2", b"order_no=1%252D2", b""),
        ("1", b"xorder_no=0&order_nox=0&ORDER_NO=0&sendid=order_no=0&order_no=1", b""),
        ("a+b", b"order_no=a+b", b""),
        ("", b"order_no=%00", b""),
        ("1", b"order_no=%001%20", b""),
        ("1\ufffd2", b"order_no=1%002", b""),
        ("\ufffd1", b"order_no=%EF%BF%BD1", b""),
        ("1", b"order_no=+1%20+", b""),
        ("a+b", b"order_no=a+b+", b""),
        ("1", b"order_no=1%A0", b""),
        ("a=b", b"order_no=a=b", b""),
        ("1", b"order_no=1%0A", b""),
        ("1", b"x=1\norder_no=2&order_no=1", b""),
    ],
)
def test_order_no_of_reads_the_order_no(expected: str, query: bytes, body: bytes) -> None:
    assert expected == order_no_of(query, body)


EVERY_BYTE = bytes(range(0x100))


@pytest.mark.parametrize(
    ("bare", "style"),
    [
        (b"-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", Style.FULL),
        (b"-.0123456789" + bytes(range(0x40, 0x7F)), Style.HALF),
        (b"", Style.LOWER),
        (
            b"!\"#$'()*,-./0123456789:;<>?" + bytes(range(0x40, 0x7F)) + bytes(range(0x80, 0x100)),
            Style.RAW,
        ),
    ],
)
def test_what_each_style_leaves_bare(bare: bytes, style: Style) -> None:
    digits = "02x" if style is Style.LOWER else "02X"
    expected = [
        bytes([byte]) if byte in bare else f"%{byte:{digits}}".encode() for byte in EVERY_BYTE
    ]
    assert expected == [encode({"k": bytes([byte])}, style=style)[2:] for byte in EVERY_BYTE]


def test_the_encoder_writes_bytes_as_they_are_and_keeps_the_order() -> None:
    expected = b"status=04&username=%83R%83&pay_no2="
    assert expected == encode(
        {"status": "04", "username": "コ".encode("cp932") + b"\x83", "pay_no2": ""}
    )


def test_the_encoder_refuses_what_shift_jis_cannot_write() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode({"username": "😀"})


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n", b"\r\n\r\n"])
def test_a_line_break_behind_a_body_belongs_to_no_value(line_end: bytes) -> None:
    assert decode(b"", b"order_no=1&status=04" + line_end).values == {
        "order_no": "1",
        "status": "04",
    }
    assert order_no_of(b"", b"status=04&order_no=1" + line_end) == "1"
