"""The notification endpoint: takes a call's raw bytes to the recorder and answers 200 once they are durable."""

import hmac
import time
from datetime import datetime
from typing import Protocol
from uuid import UUID

from starlette.types import Receive, Scope, Send

from app.clock import now, uuid7
from app.logs import get_logger
from app.metrics import answer_seconds, calls_answered, calls_rejected
from app.receiving.notice import Notice, lane_of
from app.receiving.sources import SourceCheck
from app.zeus.wire import order_no_of

BODY_LIMIT = 64 * 1024
IN_TIME_SECONDS = 35.0
"""An answer given later than this may have missed Zeus's 40 s on the way back (manual, CGI call)."""

log = get_logger("receiver")


class Recorder(Protocol):
    """Where a notice becomes durable."""

    async def append(self, notice: Notice) -> None:
        """Return once the notice is durable; raise if it is not."""

    def answered(self, notice_id: UUID, moment: datetime) -> None:
        """Take note that the answer was handed to the network in time."""


class BodyTooLarge(Exception):
    """The body is longer than BODY_LIMIT."""


class SenderLeft(Exception):
    """The connection ended inside the body: what came may be cut anywhere, an order_no included, so it is no call."""


class NotifyEndpoint:
    """The ASGI application behind the notification path. It answers in plain text; Zeus looks at the status alone."""

    def __init__(self, check: SourceCheck, recorder: Recorder) -> None:
        self._check = check
        self._recorder = recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: 200 for a recorded call, 403 for a stranger, 405 and 413 for what is no call."""
        started = time.perf_counter()
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        source = self._check.source_of(scope["client"][0] if scope["client"] else "", _values(headers, b"x-forwarded-for"))
        if not self._check.allows(source):
            calls_rejected.labels("source").inc()
            log.warning("source_not_allowed")
            return await _answer(send, 403, b"Forbidden\n")
        if scope["method"] not in ("GET", "POST"):
            return await _answer(send, 200 if scope["method"] == "HEAD" else 405, b"", ((b"allow", b"GET, POST"),))
        try:
            body = await _read_body(receive) if scope["method"] == "POST" or _has_body(headers) else b""
        except BodyTooLarge:
            calls_rejected.labels("body_too_large").inc()
            return await _answer(send, 413, b"Body too large\n")
        except SenderLeft:
            calls_rejected.labels("sender_left").inc()
            log.warning("sender_left")
            return None
        notice = _notice(scope, str(source), headers, body)
        await self._recorder.append(notice)
        await _answer(send, 200, b"OK")
        elapsed = time.perf_counter() - started
        answer_seconds.observe(elapsed)
        if elapsed < IN_TIME_SECONDS:
            self._recorder.answered(notice.id, now())
        return None


def _notice(scope: Scope, source: str, headers: list[tuple[bytes, bytes]], body: bytes) -> Notice:
    query: bytes = scope["query_string"]
    path: bytes = scope["raw_path"]
    return Notice(
        id=uuid7(),
        lane=lane_of(order_no_of(query, body)),
        received_at=now(),
        source=source,
        method=scope["method"],
        target=path + b"?" + query if query else path,
        headers=b"".join([name + b": " + value + b"\r\n" for name, value in headers]),
        body=body,
    )


def _values(headers: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in headers if key == name]


def _has_body(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(key in (b"content-length", b"transfer-encoding") for key, _ in headers)


async def _read_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise SenderLeft
        chunk: bytes = message.get("body", b"")
        body += chunk
        if len(body) > BODY_LIMIT:
            raise BodyTooLarge
        if not message.get("more_body", False):
            return body


async def _answer(send: Send, status: int, body: bytes, extra: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    calls_answered.labels(str(status)).inc()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        *extra,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def token_matches(given: str, expected: str) -> bool:
    """Compare in constant time, so that the time of an answer tells nothing of the token."""
    return hmac.compare_digest(given.encode(), expected.encode())
