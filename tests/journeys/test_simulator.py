"""Relay and simulator in separate processes: from an application to the webhooks."""

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

        released = {order_no for order_no, called in orders.items() if called[-1] in ("05", "12")}
        await site.merchant.wait_for(sum(map(len, orders.values())) + len(released), patience=60)
        events = site.merchant.events()
        assert orders == {order_no: tuple(site.merchant.statuses(order_no)) for order_no in events}
        assert released == {
            order_no for order_no in events if events[order_no][-1]["type"] == "order.released"
        }
        for order_no in orders:
            assert {call["http_status"] for call in (await zeus.order(order_no))["calls"]} == {200}
            assert {event["data"]["money"] for event in events[order_no]} == {5400}


async def test_a_resent_call_makes_one_event(site: Site, starter: Starter) -> None:
    """A call is lost, and staff resend it twice. The subscriber gets one event."""
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
        assert ["01", "04"] == site.merchant.statuses(order_no)
