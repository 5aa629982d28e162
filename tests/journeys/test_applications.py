"""Applications through real processes: one key on two of them, a kill, a stop, a whole purchase."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from sqlalchemy import text

from app.db.engine import Sessions
from app.zeus.application import decode_form
from app.zeus.application_answer import write_answer
from tests.applications.application_setup import CLIENTIP, SLIP, ok_answer, request_json
from tests.journeys.conftest import Site
from tests.processes import ADMIN_TOKEN, Process, Starter
from tests.simulator.simulator_process import simulating
from tests.simulator.simulator_server import LocalServer, listening


@asynccontextmanager
async def slow_zeus(seconds: float) -> AsyncIterator[tuple[LocalServer, list[str]]]:
    """A Zeus that counts slips, and answers each with a number of its own after a while."""
    made: list[str] = []

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        values = decode_form(request.rpartition(b"\r\n\r\n")[2]).values
        made.append(values["sendpoint"])
        order_no = f"1234-56789-{len(made):05}"
        await asyncio.sleep(seconds)
        writer.write(ok_answer(write_answer(SLIP | {"order_no": order_no})))
        await writer.drain()
        writer.close()

    async with listening(answer) as server:
        yield server, made


def applying_settings(site: Site, url: str) -> dict[str, str]:
    return {**site.settings, "APPLICATION_URL": url, "IP_CODES": CLIENTIP}


async def apply(process: Process, key: str = "key-1", **changes: Any) -> tuple[int, Any]:
    host, port = await process.ready("operator")
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}", "idempotency-key": key}
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.post(
            f"http://{host}:{port}/v1/applications", json=request_json(**changes)
        ) as answer,
    ):
        return answer.status, await answer.json()


async def state_of(sessions: Sessions, *, until: str) -> dict[str, Any]:
    """Wait until the only application is in this state, and return its row."""
    async with asyncio.timeout(40):
        while True:
            async with sessions() as session:
                (row,) = (await session.execute(text("SELECT * FROM applications"))).mappings()
            if row["state"] == until:
                return dict(row)
            await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_one_key_on_two_processes_makes_one_slip(site: Site, starter: Starter) -> None:
    async with slow_zeus(1.0) as (zeus, made):
        settings = applying_settings(site, zeus.url("/cgi-bin/cvs.cgi"))
        first = starter.start("operate", **settings)
        second = starter.start("operate", **settings)
        await asyncio.gather(first.ready("operator"), second.ready("operator"))
        answers = await asyncio.gather(*(apply(one) for one in (first, second) * 4))
        status, application = await apply(second)
    assert 1 == len(made)
    assert {201, 202} >= {status for status, _ in answers}
    assert {application["id"]} == {slip["id"] for _, slip in answers}
    assert (201, "accepted") == (status, application["state"])


@pytest.mark.slow
async def test_a_sender_that_is_killed_leaves_an_unknown_application_and_one_slip(
    site: Site, starter: Starter, sessions: Sessions
) -> None:
    async with slow_zeus(30) as (zeus, made):
        settings = applying_settings(site, zeus.url("/cgi-bin/cvs.cgi"))
        settings |= {"APPLICATION_TIMEOUT": "1s"}
        first = starter.start("operate", **settings)
        await first.ready("operator")
        asking = asyncio.create_task(apply(first))
        while not made:
            await asyncio.sleep(0.01)
        first.kill()
        with pytest.raises(aiohttp.ClientError):
            await asking
        second = starter.start("operate", **settings)
        status, application = await apply(second)
        assert (202, "sending") == (status, application["state"])
        starter.start("work", **settings)
        row = await state_of(sessions, until="unknown")
        status, application = await apply(second)
    assert (202, "unknown", str(row["id"])) == (status, application["state"], application["id"])
    assert 1 == len(made)


@pytest.mark.slow
async def test_a_stop_waits_for_the_answer(
    site: Site, starter: Starter, sessions: Sessions
) -> None:
    async with slow_zeus(3) as (zeus, made):
        operate = starter.start("operate", **applying_settings(site, zeus.url("/x")))
        await operate.ready("operator")
        asking = asyncio.create_task(apply(operate))
        while not made:
            await asyncio.sleep(0.01)
        operate.terminate()
        status, application = await asking
        assert 0 == await operate.ended()
    assert (201, "accepted") == (status, application["state"])
    assert SLIP["pay_no1"] == (await state_of(sessions, until="accepted"))["pay_no1"]


@pytest.mark.slow
async def test_a_purchase_from_the_application_to_the_release(
    site: Site, starter: Starter, sessions: Sessions
) -> None:
    """A lost answer resolves itself by the 01 call, whose sendpoint is the reference."""
    receiver = starter.start("receive", **site.settings)
    host, port = await receiver.address_of("receiver")
    with simulating("--call-url", f"http://{host}:{port}/zeus/notify") as zeus:
        settings = applying_settings(site, f"{zeus.url}/cgi-bin/cvs.cgi")
        operate = starter.start("operate", **settings)
        starter.start("work", **settings)
        customer = request_json()["customer"] | {"email": "taro+answer-lost@example.com"}
        status, application = await apply(operate, customer=customer)
        assert (202, "unknown") == (status, application["state"])
        row = await state_of(sessions, until="accepted")
        status, application = await apply(operate, customer=customer)
    assert ("call", True) == (row["resolved_by"], row["called_at"] is not None)
    assert (201, row["order_no"]) == (status, application["order_no"])
    assert re.fullmatch(r"[0-9]+", application["payment_numbers"][0]["value"])
    assert "awaiting_payment" == application["order"]["state"]
