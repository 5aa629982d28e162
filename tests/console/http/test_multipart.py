"""Forms with a file: every way in which the bytes may arrive, and forms that are none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.console.http.forms import MAX_BYTES, FormTooLarge
from app.console.http.multipart import BadForm, MultipartParser

TYPE = 'multipart/form-data; boundary="----x"'
_FILES = st.lists(
    st.sampled_from([b"a", b"\r", b"\n", b"-", b"--", b"\r\n", b"------x", b"\r\n------y", b"\0"])
).map(b"".join)


def _body(file: bytes, *fields: tuple[str, bytes], end: bytes = b"------x--\r\n") -> bytes:
    parts = [
        b'------x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
        % (name.encode(), text)
        for name, text in fields
    ]
    head = (
        b'------x\r\ncontent-disposition: form-data; name="file"; filename="\xe5\xb1\xb1.csv"\r\n'
    )
    return b"".join(parts) + head + b"Content-Type: text/csv\r\n\r\n" + file + b"\r\n" + end


def _parsed(body: bytes, size: int = 65_536) -> tuple[bytes, dict[str, list[bytes]], bool]:
    pieces: list[bytes] = []
    parser = MultipartParser(TYPE, pieces.append)
    for start in range(0, len(body), size):
        parser.feed(body[start : start + size])
    return b"".join(pieces), parser.fields, parser.ended


@settings(max_examples=200, deadline=None, database=None)
@given(_FILES, st.integers(1, 40))
def test_a_file_arrives_as_it_was_in_pieces_of_any_size(file: bytes, size: int) -> None:
    if b"\r\n------x" in b"\r\n" + file:
        return  # no browser chooses a boundary that is in the file
    body = _body(file, ("csrf", b"t"), ("heal", b"on"), ("heal", b""))
    assert (file, {"csrf": [b"t"], "heal": [b"on", b""]}, True) == _parsed(body, size)


def test_what_comes_before_and_after_is_passed_over() -> None:
    assert b"A" == _parsed(b"preamble\r\n" + _body(b"A") + b"epilogue" * 10_000)[0]


@pytest.mark.parametrize(
    "body", [b"", b"------x", _body(b"A", end=b""), _body(b"A")[:-4], b"name=shop"]
)
def test_a_form_that_breaks_off_has_not_ended(body: bytes) -> None:
    assert not _parsed(body)[2]


@pytest.mark.parametrize(
    "content_type",
    ["", "multipart/form-data", "application/x-www-form-urlencoded", "text/csv; boundary=x"],
)
def test_another_content_type_is_no_form(content_type: str) -> None:
    with pytest.raises(BadForm):
        MultipartParser(content_type, lambda piece: None)


@pytest.mark.parametrize(
    "body", [b"------xy\r\n\r\n", b"------x\r\n\r\nA\r\n------x--", b"------x\r\nX: y\r\n\r\nA"]
)
def test_a_part_without_a_name_is_no_form(body: bytes) -> None:
    with pytest.raises(BadForm):
        _parsed(body)


@pytest.mark.parametrize(
    "body",
    [
        _body(b"", ("csrf", b"x" * (MAX_BYTES + 1))),
        _body(b"", *(("csrf", b"") for _ in range(51))),
        b"------x\r\nX: " + b"y" * 10_000,
    ],
)
def test_fields_have_limits(body: bytes) -> None:
    with pytest.raises(FormTooLarge):
        _parsed(body)
