"""Cycle of one request and its answer, between the protocol and the ASGI application."""

import asyncio
import http
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.types import ASGIApp, Message

from app.db.connections import describe_error
from app.logs import get_logger
from app.metrics import calls_answered
from app.receiver.http.head_parser import Head, decoded_path

EXTENSION = "zeus_relay"
"""Key of the request's Wire in `scope["extensions"]`."""

log = get_logger("receiver")

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    for status in http.HTTPStatus
}
_FAILURE: Message = {
    "type": "http.response.start",
    "status": 500,
    "headers": [(b"content-length", b"0")],
}


@dataclass(slots=True)
class Wire:
    """Facts missing from the ASGI scope: the verbatim bytes, and the fate of the answer."""

    target: bytes
    """The request target, verbatim up to a cut."""
    lines: bytes
    """The header lines, verbatim."""
    cut: bool
    """True if target or body exceeded its limit and was cut."""
    began: float = field(default_factory=time.perf_counter)
    """Time at which the request came to the kernel, by time.perf_counter()."""
    written: bool = False
    """True if the whole answer was written."""
    peer_gone: bool = False
    """True if the peer closed its side, or the connection broke, before the answer was written."""

    @property
    def delivered(self) -> bool:
        """Return True if the answer was written to an open connection.

        Ask a moment after writing.
        """
        return self.written and not self.peer_gone


class ServerState(Protocol):
    """State that uvicorn's ServerState offers a protocol."""

    connections: set[Any]
    tasks: set[asyncio.Task[None]]
    total_requests: int


class Exchange:
    """Runs the application on one complete request, writes its answer and notifies the protocol."""

    def __init__(
        self,
        wire: Wire,
        scope: dict[str, Any],
        body: bytes,
        write: Callable[[bytes], None],
        *,
        closes: bool,
    ) -> None:
        self.wire = wire
        self.closes = closes
        """Return True if the connection ends with this answer."""
        self._scope = scope
        self._body: bytes | None = body
        self._write = write
        self._over: asyncio.Event | None = (
            None  # made only for an application that waits for the end
        )
        self._ended = False
        self._start: Message | None = None
        self._begun = False

    async def run(self, application: ASGIApp) -> None:
        """Run the application.

        Without an answer the connection closes; an error before the answer gives 500.
        """
        try:
            await application(self._scope, self._receive, self._send)
        except Exception as error:
            log.error("application_failed", error=describe_error(error), where=_where(error))
            if self._start is None:
                calls_answered.labels("500").inc()
                await self._send(_FAILURE)
                await self._send({"type": "http.response.body"})
        if not self.wire.written:
            self.closes = True
        self._end()

    def abandon(self) -> None:
        """Note that the connection is gone."""
        self.wire.peer_gone = True
        self._end()

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        if not self._ended:
            self._over = self._over or asyncio.Event()
            await self._over.wait()
        return {"type": "http.disconnect"}

    def _end(self) -> None:
        self._ended = True
        if self._over is not None:
            self._over.set()

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if self._start is None or self.wire.written:
            raise RuntimeError("a part of an answer out of turn")
        body = message.get("body", b"") if self._scope["method"] != "HEAD" else b""
        last = not message.get("more_body", False)
        self._write(body if self._begun else self._head(self._start) + body)
        self._begun = True
        if last:
            self.wire.written = True
            self._end()

    def _head(self, start: Message) -> bytes:
        headers = start["headers"]
        if not any(name == b"content-length" for name, _ in headers):
            self.closes = True  # the end of the connection is the end of the body
        parts = [_STATUS_LINES[start["status"]]]
        parts += [b"%b: %b\r\n" % (name, value) for name, value in headers]
        parts.append(b"connection: close\r\n\r\n" if self.closes else b"\r\n")
        return b"".join(parts)


def scope_of(
    head: Head, wire: Wire, client: tuple[str, int], server: tuple[str, int]
) -> dict[str, Any]:
    """Return the ASGI scope of a request."""
    path = head.path
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": head.version or "1.0",
        "server": server,
        "client": client,
        "scheme": "http",
        "root_path": "",
        "method": head.method,
        "path": decoded_path(path),
        "raw_path": path,
        "query_string": head.query,
        "headers": head.headers,
        "state": {},
        "extensions": {EXTENSION: wire},
    }


def _where(error: BaseException) -> str:
    """Return the place of an error in the code.

    Texts of errors may quote a call, so they are not logged.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return (
        f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
    )
