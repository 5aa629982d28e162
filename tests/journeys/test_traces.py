"""Traces: one from a call to its webhooks across processes, without personal data."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from standardwebhooks import Webhook

from app.zeus.wire import encode
from tests.operations.operations_setup import CALL_VALUES, EMAIL, NAME, ORDER_NO, TELNO
from tests.processes import environment, processes, service_settings
from tests.raw_http import exchange, status_of

SECRET = "whsec_Zm9yIHRlc3RzIG9ubHksIG1ha2UgeW91ciBvd24hISE="


class Outside:
    """A trace collector, and a subscriber that rejects only the first webhook."""

    def __init__(self) -> None:
        self.base = ""
        self.raw = b""
        self.spans: list[Span] = []
        self.webhooks: list[tuple[str | None, str, str]] = []

    async def collect(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.raw += body
        message = ExportTraceServiceRequest.FromString(body)
        self.spans += [
            span
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        return web.Response()

    async def shop(self, request: web.Request) -> web.Response:
        event = Webhook(SECRET).verify(await request.read(), dict(request.headers))
        self.webhooks.append(
            (
                request.headers.get("traceparent"),
                request.headers["webhook-id"],
                event["data"]["notice_id"],
            )
        )
        return web.Response(status=503 if len(self.webhooks) == 1 else 200)

    async def until_webhooks(self, count: int) -> None:
        async with asyncio.timeout(40):
            while len(self.webhooks) < count:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def _outside() -> AsyncIterator[Outside]:
    outside = Outside()
    application = web.Application()
    application.router.add_post("/v1/traces", outside.collect)
    application.router.add_post("/hooks", outside.shop)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    outside.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield outside
    finally:
        await runner.cleanup()


def _settings(database_url: str, outside: Outside, **more: str) -> dict[str, str]:
    subscribers = [{"name": "shop", "url": f"{outside.base}/hooks", "secret": SECRET}]
    return (
        service_settings(database_url)
        | {"SUBSCRIBERS": json.dumps(subscribers), "RETRY_SCHEDULE": "0s,1s,1s"}
        | more
    )


async def _play(outside: Outside, directory: Path, settings: dict[str, str]) -> None:
    """Send one call, which a worker delivers at its second attempt, and stop both processes."""
    with processes(directory) as starter:
        worker = starter.start("work", **settings)
        receiver = starter.start("receive", **settings)
        host, port = await receiver.ready("receiver")
        await worker.logged("working")
        assert 200 == status_of(
            await exchange(
                host,
                port,
                b"GET /zeus/notify?"
                + encode({**CALL_VALUES, "status": "04"})
                + b" HTTP/1.0\r\n\r\n",
            )
        )
        await outside.until_webhooks(2)
        for process in (receiver, worker):
            process.terminate()
            assert 0 == await process.ended(), process.log_text()


async def test_one_trace_follows_a_call_to_its_webhook(tmp_path: Path, database_url: str) -> None:
    async with _outside() as outside:
        await _play(outside, tmp_path, _settings(database_url, outside, OTLP_ENDPOINT=outside.base))
    receive, judge, first, second = sorted(
        outside.spans, key=lambda span: span.start_time_unix_nano
    )
    assert ["receive", "judge", "send", "send"] == [
        span.name for span in (receive, judge, first, second)
    ]
    assert [b"", receive.span_id, judge.span_id, judge.span_id] == [
        span.parent_span_id for span in (receive, judge, first, second)
    ]
    assert [Status.STATUS_CODE_ERROR, Status.STATUS_CODE_UNSET] == [
        span.status.code for span in (first, second)
    ]
    [notice_id] = {notice_id for _, _, notice_id in outside.webhooks}
    assert {UUID(notice_id).bytes} == {span.trace_id for span in outside.spans}
    assert [f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01" for span in (first, second)] == [
        traceparent for traceparent, _, _ in outside.webhooks
    ]
    assert all(span.end_time_unix_nano >= span.start_time_unix_nano for span in outside.spans)


async def test_nothing_personal_is_in_a_trace(tmp_path: Path, database_url: str) -> None:
    async with _outside() as outside:
        await _play(outside, tmp_path, _settings(database_url, outside, OTLP_ENDPOINT=outside.base))
    assert b"zeus_relay.notice_id" in outside.raw
    assert [] == [
        word
        for word in (NAME, TELNO, EMAIL, ORDER_NO, CALL_VALUES["clientip"], SECRET, outside.base)
        if word.encode() in outside.raw
    ]


async def test_without_a_collector_nothing_is_traced(tmp_path: Path, database_url: str) -> None:
    async with _outside() as outside:
        await _play(outside, tmp_path, _settings(database_url, outside))
    assert (2, {None}, []) == (
        len(outside.webhooks),
        {traceparent for traceparent, _, _ in outside.webhooks},
        outside.spans,
    )


async def test_an_unreachable_collector_stops_nothing(tmp_path: Path, database_url: str) -> None:
    async with _outside() as outside:
        await _play(
            outside,
            tmp_path,
            _settings(database_url, outside, OTLP_ENDPOINT="http://127.0.0.1:65009"),
        )
    assert 2 == len(outside.webhooks)


def test_without_the_extra_the_start_names_the_package(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['opentelemetry.sdk'] = None; "
        "from app.main.console_script import run; "
        "sys.argv = ['zeus-relay', 'receive']; run()"
    )
    settings = environment(
        DATABASE_URL="postgresql://127.0.0.1:1/relay", OTLP_ENDPOINT="http://127.0.0.1:65009"
    )
    paths = {"PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=settings | paths,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (2, "RELAY_OTLP_ENDPOINT: needs OpenTelemetry: install zeus-relay[otel]\n") == (
        ended.returncode,
        ended.stderr,
    )
