"""Head parser: requests cut at any place are read alike, and no bytes raise anything but
Unreadable.
"""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.receiver.http.body_reader import BODY_LIMIT, BodyReader, ChunkReader
from app.receiver.http.head_parser import BadHead, Framing, Head
from app.receiver.http.head_reader import HeadReader, whole_parameters

END = st.sampled_from([b"\r\n", b"\n"])
TARGET = st.binary(min_size=1, max_size=60).filter(
    lambda target: b"\n" not in target and target.strip() == target and target[-1:] != b"\r"
)
CUTS = st.lists(st.integers(0, 400), max_size=12)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Return the data cut at these places."""
    return [
        data[start:end]
        for start, end in pairwise(
            sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
        )
    ]


def read(data: list[bytes]) -> tuple[Head | None, bytes]:
    """Return the head of the data and what follows it."""
    reader = HeadReader()
    head = None
    rest = b""
    for piece in data:
        if head is not None:
            rest += piece
            continue
        reader.feed(piece)
        head = reader.next_head()
        rest = reader.take_rest() if head is not None else b""
    return head, rest


@given(
    TARGET,
    END,
    END,
    st.sampled_from([b"", b"Host: a", b"X-Odd: \xff\x00"]),
    st.binary(max_size=30),
    CUTS,
)
def test_a_target_is_all_between_the_first_and_the_last_space(
    target: bytes, end: bytes, last_end: bytes, header: bytes, rest: bytes, cuts: list[int]
) -> None:
    lines = header + end if header else b""
    head, behind = read(
        pieces(b"GET " + target + b" HTTP/1.1" + end + lines + last_end + rest, cuts)
    )
    assert head is not None
    assert (target, "1.1", lines, rest) == (head.target, head.version, head.lines, behind)


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_nothing_but_unreadable_is_raised(data: list[bytes]) -> None:
    try:
        head, _ = read(data)
    except BadHead:
        return
    if head is not None:
        assert head.path.startswith(b"/")


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), END, st.binary(max_size=20), CUTS)
def test_chunks_are_put_together_however_they_are_cut(
    chunks: list[bytes], end: bytes, behind: bytes, cuts: list[int]
) -> None:
    coded = b"".join(b"%x" % len(chunk) + end + chunk + end for chunk in chunks) + b"0" + end + end
    reader = ChunkReader()
    body = b""
    rest = b""
    for piece in pieces(coded + behind, cuts):
        if reader.complete:
            rest += piece
            continue
        body += reader.feed(piece)
        rest = reader.unused
    assert reader.complete
    assert (b"".join(chunks), behind) == (body, rest)


@given(st.lists(st.binary(max_size=30), max_size=6))
def test_broken_chunks_are_unreadable_or_give_no_more_than_was_sent(data: list[bytes]) -> None:
    reader, body = ChunkReader(), b""
    try:
        for piece in data:
            body += reader.feed(piece)
    except BadHead:
        assert not reader.complete
    else:
        assert len(body) + len(reader.unused) <= len(b"".join(data))


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        (b"/zeus/notify?order_no=1&status=04&sendid=abc", b"/zeus/notify?order_no=1&status=04"),
        (b"/zeus/notify?order_no=1", b"/zeus/notify?"),
        (b"/zeus/notify", b"/zeus/notify"),
        (b"http://a.example/zeus?a=1&b=2", b"http://a.example/zeus?a=1"),
        (b"order_no=1&status=0", b"order_no=1"),
        (b"order_no=1&sendid=what?&status=0", b"order_no=1&sendid=what?"),
        (b"order_no=1", b""),
    ],
)
def test_the_value_at_a_cut_is_left_out(part: bytes, whole: bytes) -> None:
    assert whole == whole_parameters(part)


def test_a_body_is_cut_at_the_limit_and_not_before() -> None:
    for length, cut in ((BODY_LIMIT, False), (BODY_LIMIT + 1, True)):
        reader = BodyReader(Framing.LENGTH, length)
        assert reader.feed(b"a=1&" + b"b" * (length - 4) + b"rest"[: 4 * (not cut)]) == (
            b"" if cut else b"rest"
        )
        assert reader.complete
        assert reader.cut is cut
        assert len(reader.kept()) == (3 if cut else BODY_LIMIT)
