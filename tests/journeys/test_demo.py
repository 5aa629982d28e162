"""Demonstration: a purchase at the simulator reaches the sample subscriber."""

import asyncio
import re

import pytest

from tests.journeys.conftest import Site
from tests.processes import Starter
from tests.simulator.simulator_process import Simulator


async def test_a_purchase_reaches_the_sample_subscriber(
    site: Site, starter: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMULATOR_PORT", "0")
    demo = starter.start("demo", **site.settings)
    async with asyncio.timeout(60):
        while not (found := re.search(r"simulator +(http://127\.0\.0\.1:\d+)/  ", demo.log_text())):
            await asyncio.sleep(0.1)
    zeus = Simulator(found[1])
    order_no = await zeus.order_no(email="anyone+confirmed@example.com")
    await zeus.called(order_no, "01", "04", "05")

    async with asyncio.timeout(20):
        while not re.search(rf"{order_no} +#3 +payment\.confirmed", demo.log_text()):
            await asyncio.sleep(0.1)
    demo.terminate()
    assert await demo.ended() == 0
