"""The ids of spans as tracing wants them. Imports OpenTelemetry, so it is imported only when that is there."""

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context


class GivenIds(IdGenerator):
    """Hands the ids out that were given just before; a span is made at once, in one thread."""

    def __init__(self) -> None:
        self._trace = self._span = 1

    def give(self, trace: int, span: int) -> None:
        """The ids of the span that is made next."""
        self._trace, self._span = trace, span

    def generate_trace_id(self) -> int:
        """The id of a trace that begins."""
        return self._trace

    def generate_span_id(self) -> int:
        """The id of the next span."""
        return self._span


def context_of(trace: int, parent: int | None) -> Context:
    """What the span comes from: another span of the same trace, which another process may have made, or nothing."""
    if parent is None:
        return Context()
    seen = SpanContext(
        trace_id=trace, span_id=parent, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )
    return set_span_in_context(NonRecordingSpan(seen), Context())
