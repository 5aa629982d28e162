"""Fuzzing of the API from its OpenAPI document: no 5xx, and no undocumented answer."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from tests.api.api_client import TOKEN, Api
from tests.api.api_walk import Names, filled
from tests.openapi_fuzz import Operation, send_requests
from tests.operations.operations_setup import OperationsSetup

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


@pytest.mark.timeout(300)
async def test_every_request_gets_a_documented_answer(
    api: Api, setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    names = await filled(setup)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    send = partial(send_requests, examples=EXAMPLES, headers=headers)
    schema = schemathesis.openapi.from_dict(api.document)
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(found) >= 32
    for operation in sorted(found, key=lambda operation: operation.method.upper() == "DELETE"):
        for mode, fixed in _kinds(operation, names):
            with subtests.test(
                operation=operation.label, mode=mode.value, known="path_parameters" in fixed
            ):
                assert await asyncio.to_thread(send, operation, mode, fixed, api.base) > 0
