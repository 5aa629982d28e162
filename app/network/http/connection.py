"""One connection of the HTTP client: it writes a request and reads the beginning of the answer."""

import asyncio
from typing import cast

import httptools

from app.network.http.answer_head import AnswerHead
from app.network.http.failures import ConnectionEnded, EndlessHead, MalformedAnswer

REST_SECONDS = 5.0
"""Longest time for the body of an answer: nothing but its beginning is wanted."""
_INFORMATIONAL = range(100, 200)


class Answer:
    """Answer to one request as far as it arrived, also when the exchange fails later.

    `status` is None until its status line is there. `body` holds `limit` bytes at most.
    """

    __slots__ = ("body", "head", "limit")

    def __init__(self, limit: int) -> None:
        """Begin without bytes; `limit` is how many bytes of the body are wanted."""
        self.head = AnswerHead()
        self.body = bytearray()
        self.limit = limit

    @property
    def status(self) -> int | None:
        """The HTTP status, or None without a complete status line."""
        return self.head.status

    @property
    def has_begun(self) -> bool:
        """Whether a byte of the answer has come."""
        return not self.head.is_empty

    @property
    def retry_after(self) -> str:
        """The value of the first complete Retry-After, or an empty text."""
        return self.head.retry_after


class HttpConnection(asyncio.Protocol):
    """Protocol of a connection, for one exchange after another.

    The parser's callbacks are the methods that begin with `on_`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin without a transport; `loop` runs the connection."""
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._answer: Answer | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._parser = httptools.HttpResponseParser(self)
        # Old scripts end their lines so. All other leniencies hide where an answer ends.
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)
        self._is_at_body = self._is_complete = self._stays = False
        self.idle_since = 0.0
        """When the last exchange ended, by the event loop's clock."""

    @property
    def is_usable(self) -> bool:
        """Whether another request can be sent.

        The last answer must have ended by itself, with nothing after it: those bytes would count
        as the answer to the next request.
        """
        return self._stays and self._transport is not None and not self._transport.is_closing()

    async def exchange(self, request: bytes, answer: Answer, seconds: float) -> None:
        """Send `request` and read into `answer` until its body ends or has enough bytes.

        Raise OSError (TimeoutError after `seconds`, ConnectionEnded when the other side ends),
        ssl.SSLError, MalformedAnswer or EndlessHead. `answer` holds what came before.
        """
        transport = self._transport
        if transport is None:
            raise ConnectionEnded
        self._answer, self._waiter = answer, self._loop.create_future()
        self._is_at_body = self._is_complete = self._stays = False
        timer = self._loop.call_later(seconds, self._end, TimeoutError())
        try:
            transport.write(request)
            await self._waiter
        finally:
            timer.cancel()
            if self._rest is not None:
                self._rest.cancel()
                self._rest = None
            self._answer = self._waiter = None
            if self._stays and transport.get_write_buffer_size():
                self._stays = False  # answered before all of the request was sent
            if self._is_complete and not self._stays:
                transport.close()  # over TLS the other side is told
            elif not self._stays:
                transport.abort()

    def close(self) -> None:
        """Close the connection, unless it is closed."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the exchange. A body without a length is complete now."""
        self._transport, self._stays = None, False
        answer = self._answer
        if exc is None and answer is not None and self._is_at_body:
            is_whole = not answer.head.announces_length
            self._end(None if is_whole else ConnectionEnded())
        else:
            self._end(exc or ConnectionEnded())

    def data_received(self, data: bytes) -> None:
        """Read the next bytes of the answer."""
        answer = self._answer
        if answer is None:  # nobody asked for these bytes
            self._stays = False
            self.close()
            return
        try:
            answer.head.feed(data)
            self._parser.feed_data(data)
        except (EndlessHead, httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._stays = False
            if not self._is_complete:
                self._end(error if isinstance(error, EndlessHead) else _malformed(error))
                return
        if self._is_complete or (self._is_at_body and len(answer.body) >= answer.limit):
            self._end(None)
        elif self._is_at_body and self._rest is None:
            self._rest = self._loop.call_later(REST_SECONDS, self._end, TimeoutError())

    def on_message_begin(self) -> None:
        """Note bytes after the end of the answer."""
        if self._is_complete:
            self._stays = False

    def on_headers_complete(self) -> None:
        """Note that the body begins, unless the answer is informational."""
        if not self._is_complete:
            self._is_at_body = self._parser.get_status_code() not in _INFORMATIONAL

    def on_body(self, data: bytes) -> None:
        """Keep the beginning of the body."""
        answer = self._answer
        if answer is not None and not self._is_complete:
            room = answer.limit - len(answer.body)
            if room > 0:
                answer.body += data[:room]

    def on_message_complete(self) -> None:
        """Note the end of the answer, and whether the connection stays open."""
        if self._is_at_body and not self._is_complete:
            self._is_complete = True
            self._stays = self._parser.should_keep_alive()

    def _end(self, failure: BaseException | None) -> None:
        if self._waiter is None or self._waiter.done():
            return
        if failure is None:
            self._waiter.set_result(None)
        else:
            self._stays = False
            self._waiter.set_exception(failure)


def _malformed(error: Exception) -> MalformedAnswer:
    """Return the failure for an error of the parser, whose text may hold what was sent."""
    if isinstance(error, httptools.HttpParserUpgrade):
        return MalformedAnswer("the other side changes the protocol")
    return MalformedAnswer("no HTTP answer")
