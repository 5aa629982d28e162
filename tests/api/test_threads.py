"""Threads of the API: routes and their dependencies run on the event loop, none in a thread."""

import threading

from tests.api.api_client import Api
from tests.api.api_walk import address, body_of, filled, operations
from tests.operations.operations_setup import OperationsSetup


async def test_no_route_is_handed_to_a_thread(api: Api, setup: OperationsSetup) -> None:
    names = await filled(setup)
    before = _workers()
    for method, path, operation in operations(api):
        await api(method, address(path, operation, names), **body_of(operation))
    assert before == _workers()


def _workers() -> set[threading.Thread]:
    """Return the threads in which FastAPI would run what is no coroutine."""
    return {thread for thread in threading.enumerate() if "AnyIO" in thread.name}
