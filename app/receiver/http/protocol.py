"""HTTP protocol of the receiver: accepts bytes that stricter servers refuse, and keeps them
unchanged.
"""

import asyncio
import time
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from typing import Any, cast

from starlette.types import ASGIApp

from app.metrics import arrival_wait_seconds, calls_answered
from app.network.kernel_queue import seconds_waited
from app.receiver.http import limits
from app.receiver.http.admission import Admission
from app.receiver.http.body_reader import BodyReader
from app.receiver.http.connection_limit import ConnectionLimit
from app.receiver.http.deadline import Deadline
from app.receiver.http.head_parser import BadHead, Head
from app.receiver.http.head_reader import HeadReader, TooLong
from app.receiver.http.read_pace import BULK_BYTES, ReadPace, RoundRobin
from app.receiver.http.request_cycle import Exchange, ServerState, Wire, scope_of
from app.receiver.rejected_log import report


class State(Enum):
    """State of a connection: the event it waits for."""

    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    END = auto()


class ReceiverProtocol(asyncio.Protocol):
    """One connection of the receiver's listener, made by uvicorn.

    Another request may follow an answered one, unless it was odd.
    """

    def __init__(
        self,
        admission: Admission,
        limit: ConnectionLimit,
        round_robin: RoundRobin,
        application: ASGIApp,
        server: ServerState,
    ) -> None:
        self._admission = admission
        self._limit = limit
        self._round_robin = round_robin
        self._application = application
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._state = State.HEAD
        self._heads = HeadReader()
        self._head: Head | None = None
        self._body: BodyReader | None = None
        self._exchange: Exchange | None = None
        self._began = 0.0
        self._early = b""
        self._parked = b""
        self._closes = False
        self._entered = False
        self._answered = 0
        self._lingered = 0
        self._deadline = Deadline(self._loop, self._on_deadline)
        self.stranger = False
        self.charged = 0

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Identify the peer; close if the connection limit is reached."""
        transport = cast(
            asyncio.Transport, transport
        )  # a stream listener makes no others; uvloop's are no subclass
        self._transport = transport
        self._socket = transport.get_extra_info("socket")
        self._pace = ReadPace(self._round_robin, transport)
        self._client = (transport.get_extra_info("peername") or ("", 0))[:2]
        self._own_address = (transport.get_extra_info("sockname") or ("", 0))[:2]
        self.stranger = not self._admission.expects(self._client[0])
        self._entered = self._limit.enter(self)
        if not self._entered:
            transport.abort()
            return
        self._server.connections.add(self)
        self._deadline.set(limits.HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Release everything. An unwritten answer will not arrive."""
        self._state = State.END
        if self._entered:
            self._limit.leave(self)
        self._server.connections.discard(self)
        if self._exchange is not None and (exc is not None or not self._exchange.wire.written):
            self._exchange.abandon()
        self._deadline.cancel()
        self._parked = self._early = b""

    def data_received(self, data: bytes) -> None:
        """Process what has arrived; a stranger's data when it is its turn."""
        if self.stranger:
            self._parked += data
            self._pace.queue(self._take_parked)
            return
        if len(data) >= BULK_BYTES:
            self._pace.queue()
        self._take(data)

    def _take_parked(self) -> None:
        data, self._parked = self._parked, b""
        self._take(data)

    def _take(self, data: bytes) -> None:
        if self._state is State.HEAD:
            self._take_head(data)
        elif self._state is State.BODY:
            self._guarded(partial(self._read_body, data))
        elif self._state is State.ANSWER:
            self._early += data
            if len(self._early) > limits.EARLY_BYTES:
                self._pace.hold()
        else:
            self._lingered += len(data)
            if self._lingered > limits.LINGER_BYTES:
                self._pace.hold()
        if self._state is not State.ANSWER or self._early:
            self._check_memory()

    def eof_received(self) -> bool:
        """Note that the sender closed its side.

        Some close after their request and wait for the answer, so it is still written.
        """
        if self._state is State.ANSWER and self._exchange is not None:
            self._exchange.wire.peer_gone = True
            self._exchange.closes = self._closes = True
            return True
        if self._state is State.BODY or (self._state is State.HEAD and self._heads):
            self._report("sender_left")
        return False

    # Called by others.

    def shutdown(self) -> None:
        """Answer what is in flight, then close: the server stops."""
        self._closes = True
        if self._exchange is not None:
            self._exchange.closes = True
        if self._state is State.HEAD and not self._heads:
            self._deadline.set(limits.REUSED_SECONDS if self._answered else limits.UNUSED_SECONDS)

    def drop(self) -> None:
        """Close now, to make room for another connection."""
        self._transport.abort()

    # Reading.

    def _take_head(self, data: bytes) -> None:
        begun = bool(self._heads)
        self._heads.feed(data)
        if not begun:
            if not self._heads:
                return  # empty lines before a request do not belong to it
            waited = seconds_waited(self._socket)
            arrival_wait_seconds.observe(waited)
            self._began = time.perf_counter() - waited
            if self._answered:
                self._deadline.set(limits.HEAD_SECONDS)
        self._guarded(self._read_head)

    def _guarded(self, read: Callable[[], None]) -> None:
        try:
            read()
        except TooLong as long:
            self._refuse(long.status, "head_too_long")
        except BadHead:
            self._refuse(400, "unreadable")

    def _read_head(self) -> None:
        head = self._heads.next_head()
        if head is None:
            if self.stranger and self._heads.held > limits.STRANGER_HEAD_BYTES:
                raise TooLong(403)
            return None
        self._head = head
        self._body = BodyReader(head.framing, head.length)
        self._state = State.BODY
        rest = self._heads.take_rest()
        if not (
            self._body.complete
            or self._body.ends_in(rest)
            or self._admission.wants_body(self._client[0], head)
        ):
            return self._start()
        self._read_body(rest)
        if self._state is State.BODY:
            if head.version == "1.1" and head.expects_continue:
                self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._deadline.set(limits.BODY_SECONDS)
        return None

    def _read_body(self, data: bytes) -> None:
        assert self._body is not None  # noqa: S101 - set together with the state
        self._early = self._body.feed(data)
        if self._body.complete:
            self._start()

    def _check_memory(self) -> None:
        """Close if the request exceeds the free memory.

        Zeus may retry a call without an answer (manual, CGI call).
        """
        body = self._body.held if self._body is not None and self._state is State.BODY else 0
        if not self._limit.holds(self, self._heads.held + body + len(self._early)):
            self._transport.abort()

    # Answering.

    def _start(self) -> None:
        head, body = self._head, self._body
        assert head is not None  # noqa: S101 - set together with the state
        assert body is not None  # noqa: S101
        self._state = State.ANSWER
        self._deadline.lift()  # an answer has a time limit of its own
        self._limit.busy(self)
        cut = self._heads.cut or body.cut or not body.complete
        self._closes = self._closes or self.stranger or cut or not head.keeps_alive
        wire = Wire(head.target, head.lines, cut, self._began)
        scope = scope_of(head, wire, self._client, self._own_address)
        self._exchange = Exchange(wire, scope, body.kept(), self._write, closes=self._closes)
        task = self._loop.create_task(self._exchange.run(self._application))
        self._server.tasks.add(task)
        task.add_done_callback(self._finish)

    def _write(self, data: bytes) -> None:
        if self._transport.is_closing():
            if self._exchange is not None:
                self._exchange.wire.peer_gone = True
            return
        self._transport.write(data)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._server.tasks.discard(task)
        self._server.total_requests += 1
        exchange, self._exchange = self._exchange, None
        if self._state is not State.ANSWER or exchange is None:
            return
        self._answered += 1
        if task.cancelled() or not exchange.wire.written:
            # no answer is better than half of one: Zeus may retry that (manual, CGI call)
            self._transport.abort()
        elif (
            exchange.closes
            or self._closes
            or self._transport.get_write_buffer_size() > limits.UNREAD_BYTES
        ):
            self._close()
        else:
            self._wait_for_next()

    def _wait_for_next(self) -> None:
        self._state = State.HEAD
        self._limit.waits(self)
        self._deadline.set(limits.HEAD_SECONDS)
        early, self._early = self._early, b""
        self._pace.release()
        if early:
            self._take(early)
        elif self.charged:
            self._check_memory()

    def _refuse(self, status: int, reason: str) -> None:
        """Answer a malformed request."""
        calls_answered.labels(str(status)).inc()
        self._report(reason, b"" if self._answered else self._heads.beginning)
        self._write(b"HTTP/1.1 %d \r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
        self._linger()

    # Ending.

    def _close(self) -> None:
        """Close after an answer.

        Unread bytes would make the kernel reset the connection, which destroys the answer.
        """
        body = self._body
        if (
            self._early
            or self._head is None
            or not self._head.version
            or (body is not None and (body.cut or not body.complete))
        ):
            self._linger()
            return
        self._state = State.END
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._await_end()

    def _linger(self) -> None:
        self._state = State.END
        self._early = b""
        if self._transport.is_closing():
            return
        self._await_end()
        self._pace.release()
        self._transport.write_eof()

    def _await_end(self) -> None:
        """Give the peer a moment, unless the connection limit needs the place."""
        self._deadline.set(limits.LINGER_SECONDS)
        self._limit.waits(self)

    def _on_deadline(self) -> None:
        if self._state is State.BODY or (self._state is State.HEAD and self._heads):
            self._report("too_slow")
        if self._state is State.END or self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()

    def _report(self, reason: str, beginning: bytes | None = None) -> None:
        report(reason, beginning, stranger=self.stranger)


def make_protocol(admission: Admission, limit: ConnectionLimit) -> Callable[..., ReceiverProtocol]:
    """Return the factory for uvicorn's Config, as its `http`."""
    round_robin = RoundRobin()

    def create(
        config: Any, server_state: ServerState, app_state: Any, _loop: Any = None
    ) -> ReceiverProtocol:
        return ReceiverProtocol(admission, limit, round_robin, config.loaded_app, server_state)

    return create
