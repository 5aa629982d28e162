"""Requests made from an OpenAPI document, each checked against what the document says."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from schemathesis import APIOperation, Case, GenerationMode, serializer
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

Operation = APIOperation[Any, Any, Any, Any]

for media_type in ("message/rfc822", "application/mbox"):
    serializer.alias(media_type, "application/octet-stream")

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def send_requests(
    operation: Operation,
    mode: GenerationMode,
    fixed: dict[str, Any],
    base: str,
    *,
    examples: int,
    headers: dict[str, str] | None = None,
) -> int:
    """Send requests of one kind to `base` and check the answers. Return their number.

    `fixed` holds the parts of the requests that are not generated.
    """
    sent = 0

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode, **fixed))
    def send(case: Case[Any]) -> None:
        nonlocal sent
        case.call_and_validate(base_url=base, headers=headers, checks=CHECKS, timeout=20)
        sent += 1

    send()
    return sent
