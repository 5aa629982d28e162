"""Collecting the bytes of a request's head, within limits, until it is complete."""

import re

from app.receiver.http.head_parser import (
    BadHead,
    Head,
    RequestLine,
    read_head,
    read_request_line,
)

LINE_LIMIT = 64 * 1024
"""Bytes of a request line that are kept; Zeus's longest is below 2 KB. The rest of a longer one is passed over."""
LINE_PATIENCE = 1024 * 1024
"""Bytes of a request line that are read at all."""
HEADERS_LIMIT = 64 * 1024
"""Bytes of header lines. Above it they are not cut: the one that names the source may be the last."""

_BLANK_LINE = re.compile(rb"\A\r?\n|\n\r?\n")
_VERSION_AT_END = re.compile(rb" HTTP/([0-9]\.[0-9])[ \t\r]*\Z")
_VERSION_WINDOW = 64


class TooLong(BadHead):
    """The head is longer than is read; `status` says which part of it, as an HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__("head too long")
        self.status = status


def whole_parameters(part: bytes) -> bytes:
    """A cut target or body without its last parameter, whose value may be cut anywhere."""
    path, mark, query = (
        part.partition(b"?") if part.startswith(b"/") or b"://" in part[:16] else (b"", b"", part)
    )
    return path + mark + query.rpartition(b"&")[0]


class HeadReader:
    """Feed it what arrives; `next_head` gives a head once it is there, and `take_rest` what came behind it."""

    def __init__(self) -> None:
        self._buffer = b""
        self._searched = 0
        self._line: RequestLine | None = None
        self._kept = b""  # the beginning of a line that is too long to be kept whole
        self._dropped = 0
        self._seen = b""
        self.cut = False
        """Whether the target of the last head was cut."""

    def __bool__(self) -> bool:
        """Whether a head has begun to arrive."""
        return bool(self._buffer) or self._line is not None or bool(self._kept)

    @property
    def beginning(self) -> bytes:
        """The first bytes of the last request line, or of what has arrived of it."""
        return self._seen or (self._kept or self._buffer)[:200]

    @property
    def held(self) -> int:
        """Bytes that are kept so far."""
        line = len(self._line.target) if self._line is not None else 0
        return len(self._buffer) + len(self._kept) + line

    def feed(self, data: bytes) -> None:
        """Take what has arrived. Empty lines in front of a request are passed over (RFC 9112, 2.2)."""
        self._buffer = self._buffer + data if self else data.lstrip(b"\r\n")

    def next_head(self) -> Head | None:
        """The next head if it is complete; raises Unreadable or TooLong."""
        if self._line is None:
            self._line = self._next_line()
            if self._line is None:
                return None
        if not self._line.version:
            return self._give(b"")  # the oldest form of a request: one line, and nothing follows it
        end = _BLANK_LINE.search(self._buffer, self._searched)
        if end is None:
            if len(self._buffer) > HEADERS_LIMIT:
                raise TooLong(431)
            self._searched = max(0, len(self._buffer) - 2)
            return None
        if end.end() > HEADERS_LIMIT:
            raise TooLong(431)
        lines = self._buffer[: end.start() + 1] if end.start() else b""
        self._buffer = self._buffer[end.end() :]
        return self._give(lines)

    def take_rest(self) -> bytes:
        """What came behind the last head."""
        rest, self._buffer = self._buffer, b""
        return rest

    def _give(self, lines: bytes) -> Head:
        line, self._line, self._searched = self._line, None, 0
        if line is None:
            raise BadHead("no request line")
        return read_head(line, lines)

    def _next_line(self) -> RequestLine | None:
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            self._drop_excess()
            return None
        line = self._buffer[:end].removesuffix(b"\r")
        self._buffer = self._buffer[end + 1 :]
        self._searched = 0
        self._seen = line[:200]
        self.cut = bool(self._kept) or len(line) > LINE_LIMIT
        if not self.cut:
            return read_request_line(line)
        return self._cut_line(line)

    def _drop_excess(self) -> None:
        """Keep the beginning of a line without an end, and of what follows only as much as can hold the HTTP version."""
        if not self._kept and len(self._buffer) > LINE_LIMIT:
            self._kept, self._buffer = self._buffer[:LINE_LIMIT], self._buffer[LINE_LIMIT:]
        if self._kept and len(self._buffer) > _VERSION_WINDOW:
            self._dropped += len(self._buffer) - _VERSION_WINDOW
            self._buffer = self._buffer[-_VERSION_WINDOW:]
            if self._dropped > LINE_PATIENCE:
                raise TooLong(414)
        self._searched = len(self._buffer)

    def _cut_line(self, rest: bytes) -> RequestLine:
        whole_end = (self._kept + rest)[-_VERSION_WINDOW:]
        version = _VERSION_AT_END.search(whole_end)
        line = read_request_line((self._kept + rest)[:LINE_LIMIT])
        self._kept, self._dropped = b"", 0
        return RequestLine(
            line.method, whole_parameters(line.target), version[1].decode() if version else ""
        )
