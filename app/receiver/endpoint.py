"""Notification endpoint: passes a call's raw bytes to the recorder and answers 200 once they are
durable.
"""

import hmac
import time
from datetime import datetime, timedelta
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
"""Seconds after which an answer may miss Zeus's 40 s on its way back (manual, CGI call)."""
RAW_QUERY = b"x-raw-query"
"""Header in which a trusted proxy may pass the query, if it cannot pass it unchanged in the target.
"""

METHODS = ("GET", "POST")
"""The methods of Zeus's calls."""

log = get_logger("receiver")


class NoticeRecorder(Protocol):
    """Recorder of notices."""

    async def append(self, notice: RawNotice) -> None:
        """Return once the notice is durable.

        Raises Unstorable, or HoldExpired if no answer may be given.
        """

    def answered(self, notice_id: UUID, moment: datetime) -> None:
        """Record that the answer was handed to the network in time."""


class NotifyEndpoint:
    """ASGI application behind the notification path.

    Answers in plain text: Zeus reads only the status.
    """

    def __init__(
        self, source_check: SourceCheck, recorder: NoticeRecorder, sampler: Sampler
    ) -> None:
        self._source_check = source_check
        self._recorder = recorder
        self._answer_log = AnswerLog(recorder.answered)
        self._sampler = sampler
        self._throttle = LogRateLimiter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request.

        200 for a recorded call, 403 for a source that is not allowed, 405 for another method, 503
        if nothing can record the call.
        """
        caller = self._source_check.look(scope["client"][0], scope["headers"])
        if not caller.listed:
            self._report(caller)
        if not caller.admitted:
            if scope["method"] in METHODS and self._sampler.has_room():
                self._keep_sample(_notice(scope, caller, await _body(receive)))
            return await _answer(send, 403, b"Forbidden\n")
        if scope["method"] not in METHODS:
            return await _answer(
                send, 200 if scope["method"] == "HEAD" else 405, b"", ((b"allow", b"GET, POST"),)
            )
        return await self._record(
            _notice(scope, caller, await _body(receive)), scope["extensions"][EXTENSION], send
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
            self._answer_log.add(notice.id, wire)
        return None

    def _report(self, caller: Caller) -> None:
        """Log that a source is not allowed.

        Its address stands only in the sample: it may be Zeus's, which is confidential.
        """
        (calls_let_in if caller.admitted else calls_rejected.labels("source")).inc()
        left_out = self._throttle.take()
        if left_out is not None:
            log.warning(
                "source_not_allowed",
                let_in=caller.admitted,
                behind_proxy=caller.behind_proxy,
                left_out=left_out,
            )

    def _keep_sample(self, notice: RawNotice) -> None:
        values = decode(notice.target.partition(b"?")[2], notice.body).values
        if not notice.cut and values.get("order_no") and values.get("status"):
            self._sampler.offer(notice)


def _notice(scope: Scope, caller: Caller, body: bytes) -> RawNotice:
    wire: Wire = scope["extensions"][EXTENSION]
    target = _target(wire.target, scope["headers"]) if caller.behind_proxy else wire.target
    return RawNotice(
        id=uuid7(),
        lane=lane_of(order_no_of(target.partition(b"?")[2], body)),
        received_at=now() - timedelta(seconds=time.perf_counter() - wire.began),
        source=str(caller.address or caller.peer),
        method=scope["method"],
        target=target,
        headers=wire.lines,
        body=body,
        cut=wire.cut,
    )


def _target(target: bytes, headers: Headers) -> bytes:
    """Return the target with the query that a trusted proxy passed beside it."""
    raw_query = next((value for name, value in headers if name == RAW_QUERY), b"")
    return target.partition(b"?")[0] + b"?" + raw_query if raw_query else target


async def _body(receive: Receive) -> bytes:
    body: bytes = (await receive())["body"]  # the protocol passes only whole requests
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
    """Compare in constant time: the time of an answer reveals nothing of the token."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())
