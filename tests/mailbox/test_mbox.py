"""Tests of messages in a file: one message, and mbox files of any shape and size."""

import tracemalloc
from collections.abc import Iterator
from io import BufferedReader, BytesIO, RawIOBase
from typing import Any, BinaryIO, cast

import pytest

from app.mailbox.intake import SIZE_LIMIT
from app.mailbox.mbox import messages_in


def _read(raw: bytes) -> list[bytes | None]:
    return [None if found is None else found.read() for found in messages_in(BytesIO(raw))]


class _Endless(RawIOBase):
    """A pipe that gives these pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        self._left = self._left or next(self._pieces, b"")
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


def test_one_message_stays_as_it_is() -> None:
    raw = b"Subject: a\r\n\r\nFrom here\r\n>From there\r\n\r\n"
    assert [raw] == _read(raw)


def test_an_empty_file_has_no_message() -> None:
    assert [] == _read(b"")


def test_an_mbox_gives_each_message_as_it_was_signed() -> None:
    first, second = b"Subject: a\n\nFrom here\n>From there\n", b"Subject: b\n\nlast\n"
    quoted = first.replace(b">From", b">>From").replace(b"\nFrom", b"\n>From")
    line = b"From zeus Fri Nov 27 03:51:00 2026\n"
    assert [first, second] == _read(line + quoted + b"\n" + line + second + b"\n")
    assert [first, second] == _read(line + quoted + b"\n" + line + second)


def test_from_within_a_paragraph_begins_no_message() -> None:
    raw = b"From zeus now\nSubject: a\n\none\nFrom here on\n"
    assert [b"Subject: a\n\none\nFrom here on\n"] == _read(raw)


@pytest.mark.parametrize("size", [SIZE_LIMIT, SIZE_LIMIT + 1])
def test_a_message_is_too_large_from_the_limit_on(size: int) -> None:
    [found] = messages_in(BytesIO(b"x" * size))
    assert (found is None) == (size > SIZE_LIMIT)


def test_a_pipe_of_large_messages_needs_little_memory() -> None:
    lines = [b"From zeus now\n", *[b"y" * 99_999 + b"\n"] * 1_000, b"\n"]
    pipe = cast(BinaryIO, BufferedReader(cast(Any, _Endless(iter(lines * 3)))))
    tracemalloc.start()
    try:
        assert [None, None, None] == list(messages_in(pipe))
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
