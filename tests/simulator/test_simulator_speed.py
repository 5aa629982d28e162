"""Speed of the simulator: start, reset, and applications with their calls."""

import asyncio
import json
import resource
import subprocess
import time

import aiohttp

from app.zeus.application import encode_form
from tests.fair_clock import fair_seconds
from tests.simulator.simulator_process import GOOD, PROGRAM, Simulator
from tests.simulator.simulator_server import OK, listening, saying


def test_it_starts_with_less_than_a_second_of_work() -> None:
    """Measured as the processor's time, so that other processes of this machine do not count."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(3):
        process = subprocess.Popen([PROGRAM, "simulator", "--port", "0"], stdout=subprocess.PIPE)
        assert process.stdout
        with process.stdout as output:
            assert json.loads(output.readline())["event"] == "listening"
            process.terminate()
            process.wait(20)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 3 < 1


async def test_it_resets_within_10_ms(zeus: Simulator) -> None:
    taken = []
    async with aiohttp.ClientSession() as client:
        for _ in range(7):
            for _ in range(20):
                async with client.post(
                    f"{zeus.url}/cgi-bin/cvs.cgi", data=encode_form(GOOD)
                ) as answer:
                    await answer.read()
            began = time.perf_counter()
            async with client.post(f"{zeus.url}/api/reset") as answer:
                assert answer.status == 204
            taken.append(time.perf_counter() - began)

    assert min(taken) < 0.010


async def test_50_applications_a_second_with_their_calls(zeus: Simulator) -> None:
    """Paid and confirmed: 01, 04 and 05 of each of 250 orders, within 5 seconds."""
    form = encode_form({**GOOD, "email": "anyone+confirmed@example.com"})
    async with listening(saying(OK)) as server, aiohttp.ClientSession() as client:
        await zeus.set(call_url=server.url())
        began = fair_seconds()

        async def apply() -> None:
            async with client.post(f"{zeus.url}/cgi-bin/cvs.cgi", data=form) as answer:
                assert (await answer.read()).startswith(b"rel=Success_order")

        for _ in range(10):
            await asyncio.gather(*(apply() for _ in range(25)))
        while len(server.requests) < 750:
            await asyncio.sleep(0.01)
        taken = fair_seconds() - began

    assert len(set(server.requests)) == 750
    assert taken < 5
