"""Demonstration: a purchase at the simulator reaches the sample subscriber."""

import asyncio
import re

import aiohttp
import pytest

from tests.applications.application_setup import request_json
from tests.journeys.conftest import Site
from tests.processes import ADMIN_TOKEN, Starter
from tests.simulator.simulator_process import Simulator


async def test_a_purchase_reaches_the_sample_subscriber(
    site: Site, starter: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMULATOR_PORT", "0")
    demo = starter.start("demo", **site.settings)
    async with asyncio.timeout(60):
        while not (found := re.search(r"simulator +(http://127\.0\.0\.1:\d+)/  ", demo.log_text())):
            await asyncio.sleep(0.1)
    printed = demo.log_text()
    for line in (
        r"#4 +order\.released +\d+ yen  now confirmed",
        r"#2 +order\.expiry_presumed +\d+ yen  now expiry_presumed",
        r"#4 +review\.required +300000 yen  now confirmed  values_differ \(money\)",
        r"#3 +review\.required +300000 yen  now paid  conflict \(money\)",
    ):
        assert re.search(line, printed), line
    operator = re.search(r"API +(http://127\.0\.0\.1:\d+/v1)", printed)
    assert operator
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}", "idempotency-key": "demo"}
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.post(f"{operator[1]}/applications", json=request_json()) as answer,
    ):
        applied = await answer.json()
    assert "accepted" == applied["state"]
    zeus = Simulator(found[1])
    await zeus.called(applied["order_no"], "01")
    order_no = await zeus.order_no(email="anyone+confirmed@example.com")
    await zeus.called(order_no, "01", "04", "05")

    async with asyncio.timeout(20):
        while not re.search(rf"{order_no} +#4 +order\.released", demo.log_text()):
            await asyncio.sleep(0.1)
    demo.terminate()
    assert await demo.ended() == 0
