"""Killed processes: no answered call is lost, and no call makes a second event."""

import asyncio
from collections import Counter

import pytest

from app.db.connections import connect
from app.simulator.player.orders import build_run
from app.simulator.player.play import play_at_rate
from app.simulator.player.report import PlayResult
from app.simulator.player.scenarios import SCENARIOS
from app.simulator.player.target import target_of
from tests.journeys.conftest import Site, judged_notices
from tests.processes import Process, Starter

ORDERS = 120
CALLS_PER_S = 150.0


@pytest.mark.parametrize("victim", ["receive", "work"])
async def test_a_kill_loses_no_answered_call_and_makes_no_second_event(
    site: Site, starter: Starter, victim: str
) -> None:
    site.settings["WORKER_LEASE"] = "3s"
    receiver = starter.start("receive", **site.settings)
    worker = starter.start("work", **site.settings)
    host, port = await receiver.ready("receiver")
    settings = {**site.settings, "PUBLIC_PORT": str(port)}
    answered: list[PlayResult] = []
    orders = build_run((SCENARIOS["usual"], SCENARIOS["after-timeout"]), ORDERS // 2, seed=5)
    load = asyncio.create_task(
        play_at_rate(
            target_of(f"http://{host}:{port}/zeus/notify", timeout_s=10),
            orders,
            CALLS_PER_S,
            on_result=answered.append,
        )
    )
    for _ in range(3):
        await asyncio.sleep(0.5)
        dead: Process = receiver if victim == "receive" else worker
        dead.kill()
        if victim == "receive":
            receiver = starter.start("receive", **settings)
        else:
            worker = starter.start("work", **settings)
    await load

    confirmed = {
        (result.order_no, result.status) for result in answered if result.outcome.status == 200
    }
    stored = {
        (notice["order_no"], notice["status"]) for notice in await judged_notices(site.database_url)
    }
    assert confirmed - stored == set()
    if victim == "work":
        assert len(confirmed) == sum(len({call.status for call in order.calls}) for order in orders)

    connection = await connect(site.database_url)
    expected = await connection.fetchval("SELECT count(*) FROM events")
    await connection.close()
    # The webhooks of a killed worker become due again when their lease ends.
    await site.merchant.wait_for(expected, patience=90)
    events = [
        (event["data"]["order_no"], event["type"])
        for order in site.merchant.events().values()
        for event in order
    ]
    assert [event for event, count in Counter(events).items() if count > 1] == []
    assert len(events) == expected
