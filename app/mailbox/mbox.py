"""Messages in a file: one message, or an mbox that is read message by message."""

import re
from collections.abc import Iterator
from contextlib import suppress
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, cast

from app.mailbox.intake import SIZE_LIMIT

_IN_MEMORY: Final = 4 * 1024 * 1024
_LINE: Final = 64 * 1024
_BEGIN: Final = b"From "
_QUOTED = re.compile(rb">+From ")


def messages_in(file: BinaryIO) -> Iterator[BinaryIO | None]:
    """Yield each message as a file that is valid until the next one; None for one too large.

    A file that begins with `From ` and a blank is an mbox (RFC 4155); in it, `>From ` stands for
    `From ` at the beginning of a line, so that signatures stay valid. Any other file is one
    message. `file` is read forwards only, in small pieces, so it may be a pipe.
    """
    line = file.readline(_LINE)
    is_mbox = line.startswith(_BEGIN)
    if is_mbox:
        line = _after_line(file, line)
    while line:
        with _Message() as message:
            line = _read_one(file, line, message, is_mbox=is_mbox)
            yield message.whole()


def _read_one(file: BinaryIO, line: bytes, message: "_Message", *, is_mbox: bool) -> bytes:
    """Read one message and return the first line of the next one, empty at the end."""
    at_line_start, after_blank = True, False
    while line:
        if is_mbox and at_line_start:
            if after_blank and line.startswith(_BEGIN):
                message.drop_separator()
                return _after_line(file, line)
            if _QUOTED.match(line):
                line = line[1:]
        message.write(line)
        after_blank = at_line_start and line.strip(b"\r\n") == b""
        at_line_start = line.endswith(b"\n")
        line = file.readline(_LINE)
    if is_mbox and after_blank:
        message.drop_separator()
    return b""


def _after_line(file: BinaryIO, line: bytes) -> bytes:
    """Return what follows the line that begins with `line`."""
    while line and not line.endswith(b"\n"):
        line = file.readline(_LINE)
    return file.readline(_LINE)


class _Message:
    """A message that is being read: in memory while it is small."""

    def __init__(self) -> None:
        self._file = cast(BinaryIO, SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115
        self._size = 0
        self._last = b""

    def __enter__(self) -> "_Message":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._file.close()

    def write(self, line: bytes) -> None:
        """Append a line, or a part of one."""
        self._size += len(line)
        self._last = line
        if self._size <= SIZE_LIMIT:
            self._file.write(line)

    def drop_separator(self) -> None:
        """Remove the empty line that an mbox puts behind a message."""
        if self._size <= SIZE_LIMIT:
            self._size -= len(self._last)
            self._file.truncate(self._size)

    def whole(self) -> BinaryIO | None:
        """Return the message from its start; None if it is too large."""
        if self._size > SIZE_LIMIT:
            return None
        self._file.seek(0)
        return self._file
