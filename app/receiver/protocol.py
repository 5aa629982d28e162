"""The receiver's HTTP: takes a call from bytes that stricter servers refuse, and keeps them as they came."""

import asyncio
import re
import time
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from typing import Any, Protocol, cast

from starlette.types import ASGIApp

from app.logs import get_logger
from app.metrics import calls_answered, calls_rejected
from app.receiver.body_reader import BodyReader
from app.receiver.crowd import Crowd
from app.receiver.exchange import Exchange, Wire, scope_of
from app.receiver.head import Head, Unreadable
from app.receiver.head_reader import HeadReader, TooLong
from app.receiver.throttle import Throttle

HEAD_SECONDS = 10.0
"""For a head to arrive, and for an idle connection to be used; Zeus gives up after 40 s (manual, CGI call)."""
BODY_SECONDS = 20.0
LINGER_SECONDS = 2.0
"""How long a sender that is not done sending may go on, so that our closing does not tear the answer away from it."""
UNUSED_SECONDS = 3.0
"""At a stop: for a connection that is open already, but whose first request is still on its way."""
REUSED_SECONDS = 0.5
"""At a stop: for a connection that was answered before."""
_EARLY_LIMIT = 64 * 1024
"""Bytes taken while a request is being answered; a sender of more has to wait."""

log = get_logger("receiver")
_throttle = Throttle()

_TELLING = re.compile(rb"[?=&@%]")


class Doorkeeper(Protocol):
    """Tells peers apart before they have said anything."""

    def expects(self, peer: str) -> bool:
        """Whether a connection from this address may carry an allowed call."""


class Server(Protocol):
    """What uvicorn's ServerState offers a protocol."""

    connections: set[Any]
    tasks: set[asyncio.Task[None]]
    total_requests: int


class State(Enum):
    """What the connection waits for."""

    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    END = auto()


class ReceiverProtocol(asyncio.Protocol):
    """One connection to the receiver's listener, made by uvicorn. An answered request may be followed by another, unless it was odd."""

    def __init__(self, doorkeeper: Doorkeeper, crowd: Crowd, application: ASGIApp, server: Server) -> None:
        self._doorkeeper = doorkeeper
        self._crowd = crowd
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
        self._closes = False
        self._entered = False
        self._answered = 0
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: float | None = None
        self.stranger = False

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Find out who it is; without a place for one more, close."""
        transport = cast(asyncio.Transport, transport)  # a stream listener makes no others; uvloop's are no subclass
        self._transport = transport
        self._client = (transport.get_extra_info("peername") or ("", 0))[:2]
        self._own_address = (transport.get_extra_info("sockname") or ("", 0))[:2]
        self.stranger = not self._doorkeeper.expects(self._client[0])
        self._entered = self._crowd.enter(self)
        if not self._entered:
            transport.abort()
            return
        self._server.connections.add(self)
        self._expect(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything; an answer not yet written will not arrive."""
        self._state = State.END
        if self._entered:
            self._crowd.leave(self)
        self._server.connections.discard(self)
        if self._exchange is not None and (exc is not None or not self._exchange.wire.written):
            self._exchange.abandon()
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Take what has arrived to whatever the connection waits for."""
        if self._state is State.HEAD:
            if not self._heads:
                self._began = time.perf_counter()
                if self._answered:
                    self._expect(HEAD_SECONDS)
            self._heads.feed(data)
            self._guarded(self._read_head)
        elif self._state is State.BODY:
            self._guarded(partial(self._read_body, data))
        elif self._state is State.ANSWER:
            self._early += data
            if len(self._early) > _EARLY_LIMIT:
                self._transport.pause_reading()

    def eof_received(self) -> bool:
        """The sender has closed its side. Some do so behind their request and wait for the answer; it is written all the same."""
        if self._state is State.ANSWER and self._exchange is not None:
            self._exchange.wire.peer_gone = True
            self._exchange.closes = self._closes = True
            return True
        if self._state is State.BODY or (self._state is State.HEAD and self._heads):
            self._report("sender_left")
        return False

    # Called by others.

    def shutdown(self) -> None:
        """The server is stopping: answer what is on its way, then close."""
        self._closes = True
        if self._exchange is not None:
            self._exchange.closes = True
        if self._state is State.HEAD and not self._heads:
            self._expect(REUSED_SECONDS if self._answered else UNUSED_SECONDS)

    def drop(self) -> None:
        """Close at once: the place is needed."""
        self._transport.abort()

    # Reading.

    def _guarded(self, read: Any) -> None:
        try:
            read()
        except TooLong as long:
            self._refuse(long.status, "head_too_long")
        except Unreadable:
            self._refuse(400, "unreadable")

    def _read_head(self) -> None:
        head = self._heads.next_head()
        if head is None:
            return
        self._head = head
        self._body = BodyReader(head.framing, head.length)
        self._state = State.BODY
        if head.version == "1.1" and not self._body.complete and head.expects_continue:
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if not self._body.complete:
            self._expect(BODY_SECONDS)
        self._read_body(self._heads.take_rest())

    def _read_body(self, data: bytes) -> None:
        assert self._body is not None  # noqa: S101 - set together with the state
        self._early = self._body.feed(data)
        if self._body.complete:
            self._start()

    # Answering.

    def _start(self) -> None:
        head, body = self._head, self._body
        assert head is not None  # noqa: S101 - set together with the state
        assert body is not None  # noqa: S101
        self._state = State.ANSWER
        self._deadline = None
        self._crowd.busy(self)
        self._closes = self._closes or not head.keeps_alive or body.cut or self._heads.cut
        wire = Wire(head.target, head.lines, body.cut or self._heads.cut, self._began)
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
            self._transport.abort()  # no answer is better than half of one: Zeus may retry that (manual, CGI call)
        elif exchange.closes or self._closes or self._transport.get_write_buffer_size() > _EARLY_LIMIT:
            self._close()
        else:
            self._wait_for_next()

    def _wait_for_next(self) -> None:
        self._state = State.HEAD
        self._crowd.waits(self)
        self._expect(HEAD_SECONDS)
        early, self._early = self._early, b""
        if len(early) > _EARLY_LIMIT:
            self._transport.resume_reading()
        if early:
            self.data_received(early)

    def _refuse(self, status: int, reason: str) -> None:
        """Answer what is no request."""
        calls_answered.labels(str(status)).inc()
        self._report(reason, first_bytes="" if self._answered else _harmless(self._heads.beginning))
        self._write(b"HTTP/1.1 %d \r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
        self._linger()

    # Ending.

    def _close(self) -> None:
        """Close behind an answer. Bytes that were never read would make the kernel reset the connection, and take the answer along."""
        if self._early or self._head is None or not self._head.version or (self._body is not None and self._body.cut):
            self._linger()
        else:
            self._state = State.END
            self._transport.close()

    def _linger(self) -> None:
        self._state = State.END
        self._early = b""
        if self._transport.is_closing():
            return
        self._expect(LINGER_SECONDS)
        self._transport.resume_reading()
        self._transport.write_eof()

    def _expect(self, seconds: float) -> None:
        """Something has to happen within so many seconds, or the connection is closed."""
        self._deadline = deadline = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._deadline is None:
            return  # a request is being answered, which has a time limit of its own
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._on_timer)
            return
        if self._state is State.BODY or (self._state is State.HEAD and self._heads):
            self._report("too_slow")
        if self._state is State.END:
            self._transport.abort()
        else:
            self._transport.close()

    def _report(self, reason: str, **details: str) -> None:
        """Count and log a request that came to nothing. From a peer that may be Zeus every one is logged, from strangers a few."""
        calls_rejected.labels(reason).inc()
        left_out = _throttle.take() if self.stranger else 0
        if left_out is not None:
            log.warning("no_call", reason=reason, expected_peer=not self.stranger, left_out=left_out, **details)


def make_protocol(doorkeeper: Doorkeeper, crowd: Crowd) -> Callable[..., ReceiverProtocol]:
    """What uvicorn's Config takes as `http`."""

    def create(config: Any, server_state: Server, app_state: Any, _loop: Any = None) -> ReceiverProtocol:
        return ReceiverProtocol(doorkeeper, crowd, config.loaded_app, server_state)

    return create


def _harmless(beginning: bytes) -> str:
    """The first bytes of what was sent, escaped, up to where a value may begin: those are personal."""
    return repr(_TELLING.split(beginning.partition(b"\n")[0], maxsplit=1)[0][:60])[2:-1]
