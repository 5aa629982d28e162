"""Reader of a request's body within limits, chunked decoding included."""

import re

from app.receiver.http.head_parser import BadHead, Framing
from app.receiver.http.head_reader import whole_parameters

_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\n]*)?")
_LINE_LIMIT = 1024
_TRAILER_LIMIT = 8 * 1024


class ChunkReader:
    """Decoder of one chunked body.

    Skips chunk extensions and trailers; accepts lines that end in LF.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._left = 0  # bytes still to come of the current chunk
        self._behind_chunk = False  # a line end is due
        self._trailers: int | None = None  # bytes of trailers after the last chunk
        self.complete = False
        self.unused = b""
        """Return what follows the complete body."""

    def feed(self, data: bytes) -> bytes:
        """Return the body's bytes in `data`.

        Raises Unreadable if this is not the chunked coding.
        """
        self._rest += data
        body = bytearray()
        while not self.complete:
            if self._left:
                piece = self._rest[: self._left]
                if not piece:
                    break
                body += piece
                del self._rest[: len(piece)]
                self._left -= len(piece)
                continue
            line = self._next_line()
            if line is None:
                break
            self._read_line(line)
        return bytes(body)

    def _next_line(self) -> bytes | None:
        end = self._rest.find(b"\n", 0, _LINE_LIMIT)
        if end < 0:
            if len(self._rest) >= _LINE_LIMIT:
                raise BadHead("chunk line too long")
            return None
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return line.removesuffix(b"\r")

    def _read_line(self, line: bytes) -> None:
        if self._trailers is not None:
            self._read_trailer(line)
        elif self._behind_chunk:
            if line:
                raise BadHead("chunk longer than its size")
            self._behind_chunk = False
        else:
            size = _SIZE.fullmatch(line)
            if size is None:
                raise BadHead("no chunk size")
            self._left = int(size[1], 16)
            self._behind_chunk = True
            self._trailers = None if self._left else 0

    def _read_trailer(self, line: bytes) -> None:
        self._trailers = (self._trailers or 0) + len(line)
        if self._trailers > _TRAILER_LIMIT:
            raise BadHead("trailers too long")
        if not line:
            self.complete = True
            self.unused = bytes(self._rest)


BODY_LIMIT = 64 * 1024
"""Bytes kept of a body. Zeus's longest is below 2 KB."""
CODED_LIMIT = 8 * BODY_LIMIT
"""Bytes of a chunked body on the wire at most, chunk lines and extensions included.

A longer one is cut.
"""


class BodyReader:
    """Reader to feed until it is `complete`: at the body's end, or at its limit."""

    def __init__(self, framing: Framing, length: int) -> None:
        self._chunks = ChunkReader() if framing is Framing.CHUNKED else None
        self._left = length
        self._coded = 0
        self._body = b""
        self.complete = self._chunks is None and length == 0
        self.cut = False

    @property
    def held(self) -> int:
        """Return the number of bytes kept so far."""
        return len(self._body)

    def ends_in(self, data: bytes) -> bool:
        """Return True if the rest of the body is certain to be in `data`."""
        return self._chunks is None and len(data) >= self._left

    def feed(self, data: bytes) -> bytes:
        """Take data and return what follows the body. Raises Unreadable for broken chunks."""
        if self._chunks is not None:
            self._coded += len(data)
            self._body += self._chunks.feed(data)
            self.complete = self._chunks.complete
            rest = self._chunks.unused
        else:
            part, rest = data[: self._left], data[self._left :]
            self._left -= len(part)
            self._body = self._body + part if self._body else part
            self.complete = self._left == 0
        if len(self._body) > BODY_LIMIT or (self._coded > CODED_LIMIT and not self.complete):
            self.cut = self.complete = True
        return rest

    def kept(self) -> bytes:
        """Return the body; of a longer one, its beginning up to the last whole parameter."""
        return whole_parameters(self._body[:BODY_LIMIT]) if self.cut else self._body
