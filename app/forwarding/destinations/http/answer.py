"""Capture of an HTTP answer's status as soon as it arrives, even if the rest is malformed.

The client's parser rejects an answer as a whole: for a header that is too long, two lengths or a
forbidden body it raises an error without the status. So the protocol below keeps the head of each
answer before the parser gets it.
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
"""Most bytes of an answer's head, with informational answers before it.

A longer head ends the attempt.
"""
MOST_INFORMATIONAL = 32
"""Most informational answers (1xx) before the answer itself."""

# RFC 9112, section 4. The character after the code is needed: `20` may become `200`, and
# `200` may become `2000`.
_STATUS_LINE = re.compile(rb"HTTP/\d\.\d[ \t]+(\d{3})[ \t\r\n]")
_BLANK_LINE = re.compile(rb"\n\r?\n")
_RETRY_AFTER = re.compile(rb"\nretry-after[ \t]*:([^\r\n]*)\r?\n", re.IGNORECASE)
_SWITCHING_PROTOCOLS = 101


class EndlessHead(aiohttp.ClientError):
    """An answer's head is too long; `reason` gives the limit."""

    def __init__(self, reason: str) -> None:
        """Make the error; `reason` holds nothing of what was sent."""
        super().__init__(reason)
        self.reason = reason


class AnswerHead:
    """Head of an answer as far as it arrived. `status` is None until its status line is there."""

    def __init__(self) -> None:
        """Begin without bytes."""
        self.status: int | None = None
        self._complete = False
        self._bytes = bytearray()
        self._searched = 0
        self._dropped = 0
        self._informational = 0

    def feed(self, data: bytes) -> None:
        """Add the next bytes of the connection. Raise EndlessHead for a head that is too long."""
        if self._complete:
            return
        self._bytes += data if self._bytes else data.lstrip(b"\r\n")
        while self.status is None and (line := _STATUS_LINE.match(self._bytes)) is not None:
            status = int(line[1])
            if not 100 <= status < 200 or status == _SWITCHING_PROTOCOLS:
                self.status = status
            elif not self._drop_informational():
                break
        self._complete = self.status is not None and self._end() is not None
        if not self._complete and self._dropped + len(self._bytes) > LONGEST_HEAD:
            raise EndlessHead(f"more than {LONGEST_HEAD} bytes of headers")

    @property
    def retry_after(self) -> str:
        """The value of the first complete Retry-After, or an empty text."""
        end = _BLANK_LINE.search(self._bytes)
        found = _RETRY_AFTER.search(self._bytes, 0, end.end() if end else len(self._bytes))
        return found[1].decode("latin-1").strip() if found else ""

    def _drop_informational(self) -> bool:
        """Drop an informational answer. Return False if it is incomplete.

        Raise EndlessHead for one too many.
        """
        end = self._end()
        if end is None:
            return False
        self._informational += 1
        if self._informational > MOST_INFORMATIONAL:
            raise EndlessHead(f"more than {MOST_INFORMATIONAL} informational answers")
        self._dropped += end
        del self._bytes[:end]
        self._searched = 0
        return True

    def _end(self) -> int | None:
        """Return the end of the head, or None.

        Bytes may arrive one by one, so each is searched once.
        """
        end = _BLANK_LINE.search(self._bytes, self._searched)
        self._searched = max(len(self._bytes) - 2, 0)
        return end.end() if end else None


class CapturedAnswer:
    """Status of the answer to one request; `status` is None until its status line is complete."""

    def __init__(self) -> None:
        """Begin without an answer."""
        self._head: AnswerHead | None = None
        self._parsed: tuple[int, str] | None = None

    def begin(self, head: AnswerHead) -> None:
        """Read from `head`, the head of the answer to the request."""
        self._head = head

    def set_parsed(self, status: int, retry_after: str) -> None:
        """Use what the HTTP client parsed in a well-formed head."""
        self._parsed = (status, retry_after)

    @property
    def status(self) -> int | None:
        """The HTTP status, or None without a complete status line."""
        if self._parsed is not None:
            return self._parsed[0]
        return self._head.status if self._head else None

    @property
    def retry_after(self) -> str:
        """The value of Retry-After, or an empty text."""
        if self._parsed is not None:
            return self._parsed[1]
        return self._head.retry_after if self._head else ""


_capturing: ContextVar[CapturedAnswer | None] = ContextVar("capturing", default=None)


@contextmanager
def capture_answer() -> Iterator[CapturedAnswer]:
    """Capture the answer to the one request within this block.

    The session must use AnswerConnector and Answer.
    """
    captured = CapturedAnswer()
    token = _capturing.set(captured)
    try:
        yield captured
    finally:
        _capturing.reset(token)


class AnswerProtocol(ResponseHandler):
    """HTTP client's protocol for one connection, which keeps the head of the current answer."""

    head: AnswerHead | None = None

    def set_response_params(self, **params: Any) -> None:
        """Begin the next answer. The parser gets bytes that arrived before the request here."""
        self.head = AnswerHead()
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Keep the bytes of the head, then parse them."""
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
        """Return whether the connection can be used again.

        Unrequested bytes make it unusable: they would count as the answer to the next request.
        """
        return super().is_connected() and not self._buffer


class AnswerConnector(aiohttp.TCPConnector):
    """Connector whose connections keep the heads of answers."""

    def __init__(self, **options: Any) -> None:
        """Pass `options` to the HTTP client's connector."""
        super().__init__(**options)
        self._factory: Callable[[], ResponseHandler] = partial(  # type: ignore[assignment]
            AnswerProtocol, loop=self._loop
        )


class Answer(aiohttp.ClientResponse):
    """Answer that gives its head to `capture_answer`.

    A proxy's answer to CONNECT has another class and is not captured.
    """

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Read the head."""
        captured, protocol = _capturing.get(), connection.protocol
        head = protocol.head if isinstance(protocol, AnswerProtocol) else None
        if captured is not None and head is not None:
            captured.begin(head)
        answer = await super().start(connection)
        if captured is not None:
            captured.set_parsed(self.status, self.headers.get("retry-after", "").strip())
        return answer
