"""Collecting the body of a request, within limits, until it is complete."""

from app.receiver.chunks import ChunkReader
from app.receiver.head import Framing
from app.receiver.head_reader import whole_parameters

BODY_LIMIT = 64 * 1024
"""Bytes of a body that are kept. Zeus's longest is below 2 KB."""
CODED_LIMIT = 8 * BODY_LIMIT
"""Bytes that a chunked body may take on the wire, chunk lines and extensions included. A longer one is cut."""


class BodyReader:
    """Feed it what arrives behind the head until it is `complete`: at the body's end, or where it becomes too long to be kept."""

    def __init__(self, framing: Framing, length: int) -> None:
        self._chunks = ChunkReader() if framing is Framing.CHUNKED else None
        self._left = length
        self._coded = 0
        self._body = b""
        self.complete = self._chunks is None and length == 0
        self.cut = False

    @property
    def held(self) -> int:
        """Bytes that are kept so far."""
        return len(self._body)

    def ends_in(self, data: bytes) -> bool:
        """Return whether the rest of the body is certain to be in `data`."""
        return self._chunks is None and len(data) >= self._left

    def feed(self, data: bytes) -> bytes:
        """Take what has arrived and return what lies behind the body; raises Unreadable for broken chunks."""
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
        """The body, or of one that is too long its beginning up to the last whole parameter."""
        return whole_parameters(self._body[:BODY_LIMIT]) if self.cut else self._body
