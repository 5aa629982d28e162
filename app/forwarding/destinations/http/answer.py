"""The status of an HTTP answer as soon as it arrives, whatever the rest of the answer does to the HTTP client.

The client's parser refuses an answer as a whole: for a header that is too long, two lengths, or a body that must not be there, it raises
and forgets the status. So the protocol below keeps the head of each answer before the parser sees it.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

LONGEST_HEAD = 65_536
"""Bytes of an answer's head, informational answers before it included. What is longer is cut off."""
MOST_INFORMATIONAL = 32
"""How many informational answers (1xx) may come before the answer itself."""

# RFC 9112, section 4. The sign behind the code belongs to it: `20` may become `200`, and `200` may become `2000`.
_STATUS_LINE = re.compile(rb"HTTP/\d\.\d[ \t]+(\d{3})[ \t\r\n]")
_BLANK_LINE = re.compile(rb"\n\r?\n")
_RETRY_AFTER = re.compile(rb"\nretry-after[ \t]*:([^\r\n]*)\r?\n", re.IGNORECASE)
_SWITCHING_PROTOCOLS = 101


class EndlessHead(aiohttp.ClientError):
    """An answer's head has no end; `reason` says in which way."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AnswerHead:
    """What has come of the head of one answer. `status` is None until its status line has come."""

    def __init__(self) -> None:
        self.status: int | None = None
        self._complete = False
        self._bytes = bytearray()
        self._searched = 0
        self._passed_over = 0
        self._informational = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the connection; raise EndlessHead for a head that is too long."""
        if self._complete:
            return
        self._bytes += data if self._bytes else data.lstrip(b"\r\n")
        while self.status is None and (line := _STATUS_LINE.match(self._bytes)) is not None:
            status = int(line[1])
            if not 100 <= status < 200 or status == _SWITCHING_PROTOCOLS:
                self.status = status
            elif not self._pass_over():
                break
        self._complete = self.status is not None and self._end() is not None
        if not self._complete and self._passed_over + len(self._bytes) > LONGEST_HEAD:
            raise EndlessHead(f"more than {LONGEST_HEAD} bytes of headers")

    @property
    def retry_after(self) -> str:
        """The value of the first Retry-After that has come whole; empty if there is none."""
        end = _BLANK_LINE.search(self._bytes)
        found = _RETRY_AFTER.search(self._bytes, 0, end.end() if end else len(self._bytes))
        return found[1].decode("latin-1").strip() if found else ""

    def _pass_over(self) -> bool:
        """Drop an informational answer; return whether all of it has come. Raise EndlessHead for one too many."""
        end = self._end()
        if end is None:
            return False
        self._informational += 1
        if self._informational > MOST_INFORMATIONAL:
            raise EndlessHead(f"more than {MOST_INFORMATIONAL} informational answers")
        self._passed_over += end
        del self._bytes[:end]
        self._searched = 0
        return True

    def _end(self) -> int | None:
        """Return where the head ends. What was searched before is not searched again: bytes may come one by one."""
        end = _BLANK_LINE.search(self._bytes, self._searched)
        self._searched = max(len(self._bytes) - 2, 0)
        return end.end() if end else None


class Heard:
    """What has been heard of the answer to one request; `status` is None until its status line has come."""

    def __init__(self) -> None:
        self._head: AnswerHead | None = None
        self._parsed: tuple[int, str] | None = None

    def begin(self, head: AnswerHead) -> None:
        """Follow `head`, that of the answer to the request."""
        self._head = head

    def parsed(self, status: int, retry_after: str) -> None:
        """Take what the HTTP client has read in a head without faults."""
        self._parsed = (status, retry_after)

    @property
    def status(self) -> int | None:
        """The HTTP status, None if no status line has come."""
        if self._parsed is not None:
            return self._parsed[0]
        return self._head.status if self._head else None

    @property
    def retry_after(self) -> str:
        """The value of Retry-After, empty if there is none."""
        if self._parsed is not None:
            return self._parsed[1]
        return self._head.retry_after if self._head else ""


_hearing: ContextVar[Heard | None] = ContextVar("hearing", default=None)


@contextmanager
def hearing() -> Iterator[Heard]:
    """What is heard of the answer to the request that is sent within this block, by a session with the two classes below."""
    heard = Heard()
    token = _hearing.set(heard)
    try:
        yield heard
    finally:
        _hearing.reset(token)


class AnswerProtocol(ResponseHandler):
    """The HTTP client's protocol for one connection, which keeps the head of the present answer."""

    head: AnswerHead | None = None

    def set_response_params(self, **params: Any) -> None:
        """Begin with the next answer; what came before the request was sent is fed to the parser here."""
        self.head = AnswerHead()
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Keep what belongs to the head, then have it parsed."""
        try:
            if self.head is not None:
                self.head.feed(data)
        except EndlessHead as endless:
            self.set_exception(endless)
            if self.transport is not None:
                self.transport.abort()
            return
        super().data_received(data)

    def is_connected(self) -> bool:
        """Whether the connection can be used again: an answer that nobody asked for would be taken for that to the next request."""
        return super().is_connected() and not self._buffer


class AnswerConnector(aiohttp.TCPConnector):
    """A connector whose connections keep the heads of answers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory: Callable[[], ResponseHandler] = partial(AnswerProtocol, loop=self._loop)  # type: ignore[assignment]


class Answer(aiohttp.ClientResponse):
    """An answer that tells `hearing` of its head. A proxy's answer to CONNECT is of another class and is not heard."""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Read the head."""
        heard, protocol = _hearing.get(), connection.protocol
        if heard is not None and isinstance(protocol, AnswerProtocol) and protocol.head is not None:
            heard.begin(protocol.head)
        answer = await super().start(connection)
        if heard is not None:
            heard.parsed(self.status, self.headers.get("retry-after", "").strip())
        return answer
