"""The notification endpoint: takes a call's raw bytes to the recorder and answers 200 once they are durable."""

import hmac
import time
from datetime import datetime
from typing import Protocol
from uuid import UUID

from starlette.types import Receive, Scope, Send

from app.clock import now, uuid7
from app.db.lanes import lane_of
from app.logs import LogRateLimiter, get_logger
from app.metrics import answer_seconds, calls_answered, calls_let_in, calls_rejected
from app.network.allowed_sources import Caller, Headers, SourceCheck
from app.receiver.answer_log import AnswerLog
from app.receiver.http.request_cycle import EXTENSION, Wire
from app.recording.notice import HoldExpired, RawNotice, Unstorable
from app.recording.rejected.sampler import Sampler
from app.tracing import spans
from app.zeus.wire import decode, order_no_of

IN_TIME_SECONDS = 35.0
"""An answer given later than this may have missed Zeus's 40 s on the way back (manual, CGI call)."""
RAW_QUERY = b"x-raw-query"
"""A header in which a trusted proxy that cannot pass on the query as it came may hand it over."""

METHODS = ("GET", "POST")
"""With which Zeus calls."""

log = get_logger("receiver")


class NoticeRecorder(Protocol):
    """Where a notice becomes durable."""

    async def append(self, notice: RawNotice) -> None:
        """Return once the notice is durable; raise Unstorable, or HoldExpired when no answer is to be given at all."""

    def answered(self, notice_id: UUID, moment: datetime) -> None:
        """Take note that the answer was handed to the network in time."""


class NotifyEndpoint:
    """The ASGI application behind the notification path. It answers in plain text; Zeus looks at the status alone."""

    def __init__(self, door: SourceCheck, recorder: NoticeRecorder, sampler: Sampler) -> None:
        self._door = door
        self._recorder = recorder
        self._evidence = AnswerLog(recorder.answered)
        self._sampler = sampler
        self._throttle = LogRateLimiter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: 200 for a recorded call, 403 for a stranger, 405 for what is no call, 503 if nothing can record it."""
        visitor = self._door.look(scope["client"][0], scope["headers"])
        if not visitor.listed:
            self._report(visitor)
        if not visitor.admitted:
            if scope["method"] in METHODS and self._sampler.has_room():
                self._keep_sample(_notice(scope, visitor, await _body(receive)))
            return await _answer(send, 403, b"Forbidden\n")
        if scope["method"] not in METHODS:
            return await _answer(
                send, 200 if scope["method"] == "HEAD" else 405, b"", ((b"allow", b"GET, POST"),)
            )
        return await self._record(
            _notice(scope, visitor, await _body(receive)), scope["extensions"][EXTENSION], send
        )

    async def _record(self, notice: RawNotice, wire: Wire, send: Send) -> None:
        try:
            await self._recorder.append(notice)
        except HoldExpired:
            calls_answered.labels("none").inc()
            return None
        except Unstorable:
            return await _answer(send, 503, b"Cannot record\n")
        await _answer(send, 200, b"OK")
        log.debug("call_recorded", notice_id=notice.id)
        elapsed = time.perf_counter() - wire.began
        answer_seconds.observe(elapsed)
        spans.received(notice.id, elapsed)
        if elapsed < IN_TIME_SECONDS:
            self._evidence.add(notice.id, wire)
        return None

    def _report(self, visitor: Caller) -> None:
        """Say that a source is not in the list; which one it is, is in the sample, for it may be Zeus's."""
        (calls_let_in if visitor.admitted else calls_rejected.labels("source")).inc()
        left_out = self._throttle.take()
        if left_out is not None:
            log.warning(
                "source_not_allowed",
                let_in=visitor.admitted,
                behind_proxy=visitor.behind_proxy,
                left_out=left_out,
            )

    def _keep_sample(self, notice: RawNotice) -> None:
        values = decode(notice.target.partition(b"?")[2], notice.body).values
        if not notice.cut and values.get("order_no") and values.get("status"):
            self._sampler.offer(notice)


def _notice(scope: Scope, visitor: Caller, body: bytes) -> RawNotice:
    wire: Wire = scope["extensions"][EXTENSION]
    target = _target(wire.target, scope["headers"]) if visitor.behind_proxy else wire.target
    return RawNotice(
        id=uuid7(),
        lane=lane_of(order_no_of(target.partition(b"?")[2], body)),
        received_at=now(),
        source=str(visitor.address or visitor.peer),
        method=scope["method"],
        target=target,
        headers=wire.lines,
        body=body,
        cut=wire.cut,
    )


def _target(target: bytes, headers: Headers) -> bytes:
    """The target with the query that a trusted proxy hands over beside it."""
    raw_query = next((value for name, value in headers if name == RAW_QUERY), b"")
    return target.partition(b"?")[0] + b"?" + raw_query if raw_query else target


async def _body(receive: Receive) -> bytes:
    body: bytes = (await receive())["body"]  # the protocol hands over only whole requests
    return body


async def _answer(
    send: Send, status: int, body: bytes, extra: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
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
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())
