"""A simulator for the tests of this folder: one process, reset before each test."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.simulator.simulator_process import Simulator, simulating


@pytest.fixture(scope="module")
def running_simulator() -> Iterator[Simulator]:
    with simulating() as simulator:
        yield simulator


@pytest.fixture
async def zeus(running_simulator: Simulator) -> AsyncIterator[Simulator]:
    assert (await running_simulator.ask("POST", "/reset?settings=true")).status == 204
    yield running_simulator
    assert running_simulator.process
    assert running_simulator.process.poll() is None
