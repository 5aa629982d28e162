"""The relay against the simulator, both in processes of their own: from an application to the merchant's webhooks."""

import asyncio

import pytest

from tests.journeys.conftest import Site
from tests.processes import Starter
from tests.simulator.simulator_process import simulating

OUTCOMES = {
    "unpaid": ("01",),
    "confirmed": ("01", "04", "05"),
    "reversed": ("01", "04", "06"),
    "paid-again": ("01", "04", "06", "04", "05"),
    "expired": ("01", "03"),
    "error-0013": ("02",),
    "confirmed-after-reissue": ("01", "11", "12"),
    "reversed-after-reissue": ("01", "11", "13"),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_each_outcome_reaches_the_merchant(site: Site, starter: Starter, method: str) -> None:
    relay = starter.start("up", **site.settings)
    host, port = await relay.ready("receiver")
    url = f"http://{host}:{port}/zeus/notify"
    with simulating("--call-url", url, "--method", method, "--optional-statuses") as zeus:
        orders = {}
        for word, statuses in OUTCOMES.items():
            answer = await zeus.apply(email=f"anyone+{word}@example.com", sendid=word)
            orders[str(answer.order_no)] = statuses
            await zeus.called(str(answer.order_no), *statuses)
        reissued = [
            order
            for order in (await zeus.ask("GET", "/orders")).json
            if order["order_no"] not in orders
        ]
        assert len(reissued) == 2
        for order in reissued:
            await zeus.called(order["order_no"], "01")
            orders[order["order_no"]] = ("01",)

        await site.merchant.wait_for(sum(map(len, orders.values())), patience=60)
        events = site.merchant.events()
        told = {
            order_no: tuple(event["data"]["zeus"]["status"] for event in events[order_no])
            for order_no in events
        }
        assert told == orders
        for order_no in orders:
            assert {call["http_status"] for call in (await zeus.order(order_no))["calls"]} == {200}
            assert {event["data"]["money"] for event in events[order_no]} == {5400}


async def test_a_call_that_came_too_late_is_made_again_and_told_once(
    site: Site, starter: Starter
) -> None:
    """The relay is away, staff re-send the lost call twice: the merchant hears of it once."""
    relay = starter.start("up", **site.settings)
    host, port = await relay.ready("receiver")
    with simulating(
        "--set", "faults.calls.drop_every=1", "--call-url", f"http://{host}:{port}/zeus/notify"
    ) as zeus:
        order_no = await zeus.order_no()
        (lost,) = await zeus.called(order_no, "01")
        assert (lost["reason"], lost["lost"]) == ("dropped", True)
        await zeus.set(faults={"calls": {"drop_every": 0}})
        for _ in range(2):
            again = await zeus.ask("POST", f"/orders/{order_no}/calls/1/resend")
            assert again.json["http_status"] == 200
        await zeus.act(order_no, "pay")

        await site.merchant.wait_for(2, patience=60)
        await asyncio.sleep(0.5)
        told = [event["data"]["zeus"]["status"] for event in site.merchant.events()[order_no]]
        assert told == ["01", "04"]
