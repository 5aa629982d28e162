"""Simulated time: deadlines, tests that are paid by themselves, reset, and what a file keeps."""

import asyncio
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.simulator.simulator_process import Simulator, simulating
from tests.simulator.simulator_server import OK, listening, saying

TEST = {"testid": "12345678"}


async def now(zeus: Simulator) -> datetime:
    return datetime.fromisoformat((await zeus.ask("GET", "/clock")).json["now"])


@pytest.mark.parametrize(
    ("test_type", "last", "state"), [("1", "05", "confirmed"), ("2", "06", "reversed")]
)
async def test_a_test_is_paid_immediately_and_ends_within_30_minutes(
    zeus: Simulator, test_type: str, last: str, state: str
) -> None:
    order_no = await zeus.order_no(**TEST, test_type=test_type)
    await zeus.called(order_no, "01", "04")
    assert (await zeus.order(order_no))["state"] == "paid"

    assert (await zeus.ask("POST", "/clock/advance", {"minutes": 30})).status == 200
    calls = (await zeus.order(order_no))["calls"]
    assert [call["status"] for call in calls] == ["01", "04", last]
    assert (await zeus.order(order_no))["state"] == state


async def test_a_test_of_type_0_is_an_application_only(zeus: Simulator) -> None:
    order_no = await zeus.order_no(**TEST, test_type="0")
    await zeus.ask("POST", "/clock/advance", {"hours": 1})

    order = await zeus.order(order_no)
    assert (order["state"], order["test_type"]) == ("unpaid", "0")


@pytest.mark.parametrize("half", [{"testid": "12345678"}, {"test_type": "1"}, {"test_type": "2"}])
async def test_with_one_test_parameter_alone_the_application_is_real(
    zeus: Simulator, half: dict[str, str]
) -> None:
    order_no = await zeus.order_no(**half)
    await zeus.ask("POST", "/clock/advance", {"hours": 1})

    order = await zeus.order(order_no)
    assert (order["state"], order["test_type"]) == ("unpaid", None)


async def test_an_unknown_test_id_can_mean_a_real_application(zeus: Simulator) -> None:
    await zeus.set(invalid_testid="real")
    order_no = await zeus.order_no(testid="87654321", test_type="1")
    await zeus.called(order_no, "01")

    assert (await zeus.order(order_no))["test_type"] is None


async def test_a_slip_expires_when_its_last_day_in_japan_is_over(zeus: Simulator) -> None:
    await zeus.set(deadline_days=2)
    order_no = await zeus.order_no()
    await zeus.called(order_no, "01")
    limit = datetime.strptime(
        (await zeus.order(order_no))["values"]["pay_limit"] + "+0900", "%Y%m%d%z"
    )
    end = limit + timedelta(days=1)

    to_the_end = (end - await now(zeus)).total_seconds()
    await zeus.ask("POST", "/clock/advance", {"seconds": to_the_end - 120})
    assert (await zeus.order(order_no))["state"] == "unpaid"
    await zeus.ask("POST", "/clock/advance", {"seconds": 120})
    assert (await zeus.order(order_no))["state"] == "expired"


async def test_a_paid_slip_does_not_expire(zeus: Simulator) -> None:
    order_no = await zeus.order_no()
    await zeus.act(order_no, "pay")
    await zeus.ask("POST", "/clock/advance", {"days": 100})

    assert (await zeus.order(order_no))["state"] == "paid"


async def test_advance_answers_when_everything_due_was_called(zeus: Simulator) -> None:
    async with listening(saying(OK, after_s=0.3)) as server:
        orders = [await zeus.order_no() for _ in range(20)]
        for order_no in orders:
            await zeus.called(order_no, "01")
        await zeus.set(call_url=server.url(), optional_statuses=True)
        await zeus.ask("POST", "/clock/advance", {"days": 31})

    assert len(server.requests) == 20
    for order_no in orders:
        assert (await zeus.order(order_no))["calls"][-1]["http_status"] == 200


async def test_a_hanging_call_does_not_hold_up_the_timers_of_other_orders(zeus: Simulator) -> None:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        if slow.encode() in request:
            await asyncio.sleep(60)
        writer.write(OK)
        await writer.drain()

    slow = await zeus.order_no(**TEST, test_type="1")
    await zeus.called(slow, "01", "04")
    async with listening(answer) as server:
        await zeus.set(call_url=server.url(), clock={"speed": 3600})
        while not server.requests:
            await asyncio.sleep(0.02)
        quick = await zeus.order_no(**TEST, test_type="1")
        await zeus.called(quick, "01", "04", "05")
        order = await zeus.order(slow)
        assert (order["state"], len(order["calls"])) == ("confirmed", 2)
        await zeus.ask("POST", "/reset?settings=true")


async def test_the_clock_runs_as_fast_as_it_is_told(zeus: Simulator) -> None:
    await zeus.set(clock={"speed": 1000})
    began = time.monotonic()
    first = await now(zeus)
    await asyncio.sleep(0.2)
    passed, at_most = await now(zeus) - first, time.monotonic() - began

    assert timedelta(seconds=200) <= passed <= timedelta(seconds=1000 * at_most)


async def test_reset_forgets_orders_and_calls_in_flight_but_keeps_settings(zeus: Simulator) -> None:
    async with listening(saying(OK, after_s=30)) as server:
        await zeus.set(call_url=server.url())
        order_no = await zeus.order_no()
        while not server.requests:
            await asyncio.sleep(0.01)
        assert (await zeus.ask("POST", "/reset")).status == 204

    assert (await zeus.ask("GET", f"/orders/{order_no}")).status == 404
    assert (await zeus.ask("GET", "/orders")).json == []
    assert (await zeus.ask("GET", "/settings")).json["call_url"] == server.url()
    await zeus.ask("POST", "/reset?settings=true")
    assert (await zeus.ask("GET", "/settings")).json["call_url"] is None


async def test_a_file_keeps_orders_timers_and_time_over_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "zeus.sqlite"
    with simulating("--state", str(file)) as zeus:
        order_no = await zeus.order_no(**TEST, test_type="1")
        await zeus.ask("POST", "/clock/advance", {"days": 1})
        later = await zeus.order_no()
        await zeus.called(later, "01")
        moment = datetime.fromisoformat((await zeus.order(later))["created_at"])
        before = await zeus.order(order_no)
    with simulating("--state", str(file)) as zeus:
        assert await zeus.order(order_no) == before
        assert await now(zeus) >= moment
        await zeus.ask("POST", "/clock/advance", {"days": 40})
        assert (await zeus.order(later))["state"] == "expired"
