"""Reader of a request's head within limits."""

import re

from app.receiver.http.head_parser import (
    BadHead,
    Head,
    RequestLine,
    read_head,
    read_request_line,
)

LINE_LIMIT = 64 * 1024
"""Bytes kept of a request line.

Zeus's longest is below 2 KB; the rest of a longer one is skipped.
"""
LINE_PATIENCE = 1024 * 1024
"""Bytes read of a request line at most."""
HEADERS_LIMIT = 64 * 1024
"""Bytes of header lines at most. They are never cut: the line with the source may be the last."""

_BLANK_LINE = re.compile(rb"\A\r?\n|\n\r?\n")
_VERSION_AT_END = re.compile(rb" HTTP/([0-9]\.[0-9])[ \t\r]*\Z")
_VERSION_WINDOW = 64


class TooLong(BadHead):
    """The head exceeds a limit. `status` is the HTTP status for it."""

    def __init__(self, status: int) -> None:
        super().__init__("head too long")
        self.status = status


def whole_parameters(part: bytes) -> bytes:
    """Return a cut target or body without its last parameter, whose value may be incomplete."""
    path, mark, query = (
        part.partition(b"?") if part.startswith(b"/") or b"://" in part[:16] else (b"", b"", part)
    )
    return path + mark + query.rpartition(b"&")[0]


class HeadReader:
    """Reader to feed. `next_head` returns a complete head, `take_rest` what follows it."""

    def __init__(self) -> None:
        self._buffer = b""
        self._searched = 0
        self._line: RequestLine | None = None
        self._kept = b""  # the beginning of a line that is too long to keep whole
        self._dropped = 0
        self._seen = b""
        self.cut = False
        """Return True if the target of the last head was cut."""

    def __bool__(self) -> bool:
        """Return True if a head has begun to arrive."""
        return bool(self._buffer) or self._line is not None or bool(self._kept)

    @property
    def beginning(self) -> bytes:
        """Return the first bytes of the last request line, complete or not."""
        return self._seen or (self._kept or self._buffer)[:200]

    @property
    def held(self) -> int:
        """Return the number of bytes kept so far."""
        line = len(self._line.target) if self._line is not None else 0
        return len(self._buffer) + len(self._kept) + line

    def feed(self, data: bytes) -> None:
        """Take data. Skips empty lines before a request (RFC 9112, 2.2)."""
        self._buffer = self._buffer + data if self else data.lstrip(b"\r\n")

    def next_head(self) -> Head | None:
        """Return the next head if it is complete. Raises Unreadable or TooLong."""
        if self._line is None:
            self._line = self._next_line()
            if self._line is None:
                return None
        if not self._line.version:
            return self._give(b"")  # the oldest form of a request: one line, and nothing after it
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
        """Return what follows the last head."""
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
        """Keep the beginning of a line without an end, and of the rest only enough for the HTTP
        version.
        """
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
