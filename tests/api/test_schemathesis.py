"""Fuzzing of the API from its OpenAPI document: no 5xx, and no undocumented answer."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.api_client import TOKEN, Api
from tests.api.api_walk import Names, filled
from tests.operations.operations_setup import OperationsSetup

Operation = APIOperation[Any, Any, Any, Any]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 10
"""Requests of each kind to each operation: random names, existing names, invalid requests."""
WAITING = {
    "send_test_webhook": {"body": {"wait_seconds": 0}},
    "list_events": {"query": {"wait": 0}},
}
"""What keeps a request from waiting for half a minute."""


def _kinds(operation: Operation, names: Names) -> Iterator[tuple[GenerationMode, dict[str, Any]]]:
    operation_id = operation.definition.raw["operationId"]
    fixed = WAITING.get(operation_id, {})
    known = {**names["*"], **names.get(operation_id, {})}
    in_path = {
        parameter.name: str(known[parameter.name]) for parameter in operation.path_parameters
    }
    yield GenerationMode.POSITIVE, fixed
    yield GenerationMode.POSITIVE, {**fixed, "path_parameters": in_path}
    yield GenerationMode.NEGATIVE, {"query": fixed["query"]} if "query" in fixed else {}


def _fuzz(operation: Operation, mode: GenerationMode, fixed: dict[str, Any], base: str) -> int:
    """Send requests of one kind. Return their number."""
    sent = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode, **fixed))
    def send(case: Case[Any]) -> None:
        nonlocal sent
        case.call_and_validate(
            base_url=base, headers={"Authorization": f"Bearer {TOKEN}"}, checks=CHECKS, timeout=20
        )
        sent += 1

    send()
    return sent


@pytest.mark.timeout(300)
async def test_every_request_gets_a_documented_answer(
    api: Api, setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    names = await filled(setup)
    schema = schemathesis.openapi.from_dict(api.document)
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(found) >= 32
    for operation in sorted(found, key=lambda operation: operation.method.upper() == "DELETE"):
        for mode, fixed in _kinds(operation, names):
            with subtests.test(
                operation=operation.label, mode=mode.value, known="path_parameters" in fixed
            ):
                assert await asyncio.to_thread(_fuzz, operation, mode, fixed, api.base) > 0
