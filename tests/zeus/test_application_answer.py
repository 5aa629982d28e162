"""Answers of cvs.cgi: every shape in the manual, and every shape that breaks on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.zeus.application_answer import MAX_ANSWER_BYTES, AnswerKind, read_answer, write_answer

SLIP = {
    "rel": "Success_order",
    "order_no": "1234-56789-01234",
    "pay_no1": "1234567890123",
    "pay_limit": "20261231",
    "pay_url": "https://example.com/slip?id=1&k==",
}
SUCCESS = write_answer(SLIP)


def test_an_answer_is_written_in_the_order_of_the_manual_with_empty_values() -> None:
    assert (
        b"rel=Success_order\r\norder_no=1234-56789-01234\r\npay_no1=1234567890123\r\npay_no2=\r\n"
        b"pay_limit=20261231\r\npay_url=https://example.com/slip?id=1&k==\r\nerror_code=\r\n"
    ) == SUCCESS


@pytest.mark.parametrize(
    "body",
    [
        SUCCESS,
        SUCCESS.replace(b"\r\n", b"\n"),
        SUCCESS.replace(b"\r\n", b"\r"),
        SUCCESS.rstrip(),
        b"\r\n".join(reversed(SUCCESS.split(b"\r\n"))),
        b"\xef\xbb\xbf" + SUCCESS,
        SUCCESS + "備考=ソニー\r\n".encode("cp932"),
        SUCCESS.replace(b"order_no=", b" order_no = "),
    ],
)
def test_a_slip_is_read_in_any_order_and_with_any_line_end(body: bytes) -> None:
    answer = read_answer(200, body)
    assert (AnswerKind.ACCEPTED, "1234-56789-01234") == (answer.kind, answer.order_no)
    assert SLIP["pay_url"] == answer.values["pay_url"]


@pytest.mark.parametrize("code", ["800000", "0008", "900000", ""])
def test_a_failure_has_its_code_as_a_string(code: str) -> None:
    answer = read_answer(200, write_answer({"rel": "failure_order", "error_code": code}))
    assert (AnswerKind.FAILED, code or None) == (answer.kind, answer.error_code)


@pytest.mark.parametrize(
    ("parameter", "body"),
    [
        ("money", b"money"),
        ("username", "パラメータエラー: username".encode("cp932")),
        ("pay_cvs", "pay_cvs が不正です".encode()),
        ("telno", b"error_code=800000\r\ninvalid telno\r\n"),
    ],
)
def test_a_body_without_rel_that_names_a_parameter_is_rejected(parameter: str, body: bytes) -> None:
    answer = read_answer(200, body)
    assert (AnswerKind.REJECTED, parameter) == (answer.kind, answer.parameter)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"OK"),
        (200, b"Success_order"),
        (200, b"rel=success_order\r\norder_no=1\r\npay_no1=1\r\n"),
        (200, write_answer(SLIP | {"order_no": ""})),
        (200, write_answer(SLIP | {"pay_no1": "", "pay_url": ""})),
        (200, b"<html><body>money: maintenance</body></html>"),
        (200, b"<!DOCTYPE html>" + SUCCESS),
        (200, SUCCESS + b" " * MAX_ANSWER_BYTES),
        (500, SUCCESS),
        (302, SUCCESS),
        (204, b""),
        (200, b"rel=Success_order and money"),
        (200, b"\x1f\x8b\x08\x00\x00"),
    ],
)
def test_anything_else_may_have_made_a_slip(status: int, body: bytes) -> None:
    assert AnswerKind.UNCLEAR is read_answer(status, body).kind


@pytest.mark.parametrize(
    "body", [SUCCESS, write_answer({"rel": "failure_order", "error_code": "0008"})]
)
def test_an_answer_cut_at_any_byte_is_never_a_failure_that_may_be_sent_again(body: bytes) -> None:
    for end in range(len(body)):
        assert AnswerKind.UNCLEAR is read_answer(200, body[:end], complete=False).kind


@given(st.binary(max_size=300), st.integers(100, 599), st.booleans())
def test_no_bytes_break_the_reader(body: bytes, status: int, complete: bool) -> None:
    assert read_answer(status, body, complete=complete).kind in AnswerKind


WORDS = "comment=受付ソ表\r\n"
LAWSON = {
    "rel": "Success_order",
    "order_no": "1234-56789-01234",
    "pay_no1": "98765=43",
    "pay_no2": "4321",
    "pay_limit": "20261231",
    "pay_url": "https://pay.example/?a=1&b==2",
}


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("pay_cvs", ["D001", "D002"])
def test_no_cut_changes_a_value_of_an_answer_that_its_connection_ends(
    encoding: str, line_end: str, first: bool, pay_cvs: str
) -> None:
    lines = [f"{name}={value}" for name, value in LAWSON.items()]
    lines = lines if first else [*lines[1:], lines[0]]
    text = line_end.join([WORDS.strip(), *lines, "error_code=", ""])
    body = text.encode(encoding)

    whole = read_answer(200, body, until_close=True, pay_cvs=pay_cvs)
    assert AnswerKind.ACCEPTED is whole.kind
    assert LAWSON == {name: whole.values[name] for name in LAWSON}
    for end in range(len(body)):
        cut = read_answer(200, body[:end], until_close=True, pay_cvs=pay_cvs)
        assert cut.kind in (AnswerKind.ACCEPTED, AnswerKind.UNCLEAR), end
        assert AnswerKind.UNCLEAR is read_answer(200, body[:end], complete=False).kind
        if cut.kind is AnswerKind.ACCEPTED:
            needed = ["order_no", "pay_no1", "pay_limit", *["pay_no2"] * (pay_cvs == "D002")]
            assert [LAWSON[name] for name in needed] == [cut.values[name] for name in needed]
            assert set(cut.values.values()) <= set(whole.values.values())


@pytest.mark.parametrize("body", [b"rel=failure_order\r\nerror_code=0008\r\n", b"money error\r\n"])
def test_no_cut_of_a_refusal_makes_another_one(body: bytes) -> None:
    whole = read_answer(200, body, until_close=True)
    assert whole.kind in (AnswerKind.FAILED, AnswerKind.REJECTED)
    for end in range(len(body) - 1):
        assert AnswerKind.UNCLEAR is read_answer(200, body[:end], until_close=True).kind, end
