"""Requests to the simulator's API made from its OpenAPI document, as it allows them and not."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

import aiohttp
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from tests.openapi_fuzz import Operation, send_requests
from tests.simulator.simulator_process import Simulator

EXAMPLES = 25
"""Requests of each kind to each operation: made-up names, names that exist, and not allowed."""


def _kinds(operation: Operation, order_no: str) -> Iterator[tuple[GenerationMode, dict[str, Any]]]:
    known = {"order_no": order_no, "n": "1", "action": "reissue"}
    in_path = {one.name: known[one.name] for one in operation.path_parameters}
    yield GenerationMode.POSITIVE, {}
    yield GenerationMode.POSITIVE, {"path_parameters": in_path}
    may_be_wrong = {one.name for one in operation.iter_parameters()} - {"order_no"}
    if may_be_wrong or len(operation.body):  # every text can be the number of an order
        yield GenerationMode.NEGATIVE, {}


@pytest.mark.timeout(300)
async def test_no_request_is_answered_otherwise_than_documented(
    zeus: Simulator, subtests: pytest.Subtests
) -> None:
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"{zeus.url}/openapi.json") as answer,
    ):
        schema = schemathesis.openapi.from_dict(await answer.json())
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(found) == 12
    send = partial(send_requests, examples=EXAMPLES)
    for operation in sorted(found, key=lambda one: one.method.upper() in ("PATCH", "POST")):
        await zeus.ask("POST", "/reset?settings=true")
        order_no = await zeus.order_no()
        await zeus.called(order_no, "01")
        for mode, fixed in _kinds(operation, order_no):
            with subtests.test(operation=operation.label, mode=mode.value, known=bool(fixed)):
                assert await asyncio.to_thread(send, operation, mode, fixed, zeus.url) > 0
