"""The receiver's tests run on uvloop, as the service does; those of the wire on asyncio's own loop as well."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The two differ in when they write and close, and where uvloop is missing the service runs on the other."""
    if item.path.name == "test_wire.py":
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"uvloop": uvloop.new_event_loop}
