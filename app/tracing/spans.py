"""Traces from a call to its webhooks, if tracing is on.

The trace id is the notice's id, since a UUID has as many bits. A span's id is computed from its
stage and the notice's id, so each stage knows the span of the stage before, and the database needs
no column for it. OpenTelemetry is an extra: it is imported only when tracing starts. Without it
every function here does nothing.
"""

import hashlib
import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

_RECEIVE, _JUDGE = "receive", "judge"
Attributes = Mapping[str, str | int]

_provider: "TracerProvider | None" = None
_ids: Any = None


class TracingMissing(Exception):
    """OpenTelemetry is not installed; the text says how to install it."""


def start_tracing(endpoint: str, version: str, exporter: "SpanExporter | None" = None) -> None:
    """Send spans to `endpoint` from now on, the base URL of an OTLP collector over HTTP.

    `exporter` replaces the exporter to `endpoint`. Raises TracingMissing without the extra `otel`.
    """
    global _provider, _ids  # noqa: PLW0603 - one per process, like the log
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON

        from app.tracing.ids import GivenIds
    except ImportError:
        raise TracingMissing("needs OpenTelemetry: install zeus-relay[otel]") from None
    _ids = GivenIds()
    resource = Resource({"service.name": "zeus-relay", "service.version": version})
    _provider = TracerProvider(
        sampler=ALWAYS_ON, resource=resource, id_generator=_ids, shutdown_on_exit=False
    )
    _provider.add_span_processor(
        BatchSpanProcessor(exporter or OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces"))
    )


def stop_tracing() -> None:
    """Send the remaining spans, which may take some seconds, and stop tracing."""
    global _provider  # noqa: PLW0603
    if _provider is not None:
        _provider.shutdown()
        _provider = None


def is_tracing() -> bool:
    """Return True while spans are recorded."""
    return _provider is not None


def received(notice_id: UUID, seconds: float) -> None:
    """Record the span of a call that was answered now, `seconds` after its first byte."""
    if _provider is not None:
        ended = time.time_ns()
        attributes = {"notice_id": str(notice_id)}
        _record(
            _RECEIVE,
            notice_id,
            span_of(_RECEIVE, notice_id),
            None,
            ended - round(seconds * 1e9),
            ended,
            attributes,
        )


def judged(notice_id: UUID, began_ns: int, attributes: Attributes) -> None:
    """Record the span of a notice judged now. Its batch began at `began_ns` (time.time_ns)."""
    if _provider is not None:
        parent = span_of(_RECEIVE, notice_id)
        attributes = {"notice_id": str(notice_id), **attributes}
        _record(
            _JUDGE,
            notice_id,
            span_of(_JUDGE, notice_id),
            parent,
            began_ns,
            time.time_ns(),
            attributes,
        )


class Send:
    """A span of one delivery attempt, which begins now.

    Its headers let the subscriber continue the trace.
    """

    def __init__(self, event_id: UUID, notice_id: UUID | None, attributes: Attributes) -> None:
        """Begin the span. An event without a notice (None) is its own trace."""
        self._trace = notice_id or event_id
        self._parent = span_of(_JUDGE, notice_id) if notice_id else None
        self._span = secrets.randbits(63) + 1
        self._attributes = {"event_id": str(event_id), **attributes}
        self._began_ns = time.time_ns()

    @property
    def headers(self) -> dict[str, str]:
        """Return the `traceparent` header of W3C Trace Context: version, trace, span, sampled."""
        return {"traceparent": f"00-{self._trace.hex}-{self._span:016x}-01"}

    def end(self, attributes: Attributes, *, failed: bool) -> None:
        """Record the span of the attempt, which ends now."""
        if _provider is not None:
            all_attributes = {**self._attributes, **attributes}
            _record(
                "send",
                self._trace,
                self._span,
                self._parent,
                self._began_ns,
                time.time_ns(),
                all_attributes,
                failed=failed,
            )


def span_of(stage: str, notice_id: UUID) -> int:
    """Return the span id of a stage that a notice passes once; every process computes the same."""
    return int.from_bytes(hashlib.sha256(stage.encode() + notice_id.bytes).digest()[:8]) or 1


def _record(
    name: str,
    trace: UUID,
    span: int,
    parent: int | None,
    began_ns: int,
    ended_ns: int,
    attributes: Attributes,
    *,
    failed: bool = False,
) -> None:
    if _provider is None:
        return
    from opentelemetry.trace import StatusCode

    from app.tracing.ids import context_of

    _ids.give(trace.int, span)
    recorded = _provider.get_tracer("zeus-relay").start_span(
        name,
        context=context_of(trace.int, parent),
        start_time=began_ns,
        attributes={f"zeus_relay.{key}": value for key, value in attributes.items()},
    )
    if failed:
        recorded.set_status(StatusCode.ERROR)
    recorded.end(ended_ns)
