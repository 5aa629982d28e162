"""Taking a chunked body apart as its bytes come in."""

import re

from app.receiver.head import Unreadable

_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\n]*)?")
_LINE_LIMIT = 1024
_TRAILER_LIMIT = 8 * 1024


class ChunkReader:
    """Reads one chunked body. Chunk extensions and trailers are passed over; line ends may be LF alone."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._left = 0  # bytes still to come of the chunk under way
        self._behind_chunk = False  # a line end is due
        self._trailers: int | None = None  # bytes of trailers, once the last chunk was seen
        self.complete = False
        self.unused = b""
        """What came behind the body, once it is complete."""

    def feed(self, data: bytes) -> bytes:
        """The body's bytes in `data`; raises Unreadable if this is not the chunked coding."""
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
                raise Unreadable("chunk line too long")
            return None
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return line.removesuffix(b"\r")

    def _read_line(self, line: bytes) -> None:
        if self._trailers is not None:
            self._read_trailer(line)
        elif self._behind_chunk:
            if line:
                raise Unreadable("chunk longer than its size")
            self._behind_chunk = False
        else:
            size = _SIZE.fullmatch(line)
            if size is None:
                raise Unreadable("no chunk size")
            self._left = int(size[1], 16)
            self._behind_chunk = True
            self._trailers = None if self._left else 0

    def _read_trailer(self, line: bytes) -> None:
        self._trailers = (self._trailers or 0) + len(line)
        if self._trailers > _TRAILER_LIMIT:
            raise Unreadable("trailers too long")
        if not line:
            self.complete = True
            self.unused = bytes(self._rest)
