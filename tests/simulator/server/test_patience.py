"""Patience in real time: 40 seconds for the answer to a call, and answers that come too late."""

import asyncio

import pytest

from tests.simulator.simulator_process import Simulator
from tests.simulator.simulator_server import hang, listening

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


async def seconds_of_application(zeus: Simulator, word: str) -> float:
    began = asyncio.get_running_loop().time()
    answer = await zeus.apply(email=f"anyone+{word}@example.com")
    assert answer.order_no
    return asyncio.get_running_loop().time() - began


async def test_40_seconds_are_real_whatever_the_simulated_clock_says(zeus: Simulator) -> None:
    async with listening(hang) as server:
        await zeus.set(call_url=server.url(), clock={"speed": 1000}, mails={"customer": []})
        order_no = await zeus.order_no()
        (call,) = await zeus.called(order_no, "01", patience=60)

    assert (call["error"], call["tries"], call["lost"]) == ("timeout", 1, True)
    assert 39.9 <= call["seconds"] < 50


async def test_answers_come_39_and_50_seconds_later_by_magic(zeus: Simulator) -> None:
    slow, late = await asyncio.gather(
        seconds_of_application(zeus, "answer-slow"), seconds_of_application(zeus, "answer-late")
    )

    assert 38.9 <= slow < 49
    assert 49.9 <= late < 60
