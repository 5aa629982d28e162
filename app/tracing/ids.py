"""Span ids and span contexts for OpenTelemetry.

Imported only where OpenTelemetry is installed.
"""

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context


class GivenIds(IdGenerator):
    """Returns the ids that were given for the next span.

    The span is made right after `give`, in the same thread.
    """

    def __init__(self) -> None:
        self._trace = self._span = 1

    def give(self, trace: int, span: int) -> None:
        """Set the ids of the next span."""
        self._trace, self._span = trace, span

    def generate_trace_id(self) -> int:
        """Return the id of a new trace."""
        return self._trace

    def generate_span_id(self) -> int:
        """Return the id of the next span."""
        return self._span


def context_of(trace: int, parent: int | None) -> Context:
    """Return the context of a span: its parent in the same trace, or an empty one for None.

    Another process may have made the parent.
    """
    if parent is None:
        return Context()
    parent_context = SpanContext(
        trace_id=trace, span_id=parent, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )
    return set_span_in_context(NonRecordingSpan(parent_context), Context())
