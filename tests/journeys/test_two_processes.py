"""The two processes of `zeus-relay up`: what one suffers, the other does not feel."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from app.events.signature import new_secret
from bench.ports import free_port
from tests.processes import Process, Starter, processes, service_settings
from tests.subscriber import Subscriber, subscriber


@dataclass
class Site:
    """A running `up` with one subscriber."""

    process: Process
    merchant: Subscriber
    call_url: str
    operator_url: str
    numbers: int = 0

    @property
    def back(self) -> int:
        """Return the id of its second process."""
        return self.process.second_pid

    async def call(self, seconds: float = 5) -> str:
        """Call, and return the order_no when the answer is 200 within so many seconds."""
        self.numbers += 1
        order_no = f"A-{self.numbers}"
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(seconds)) as client,
            client.get(f"{self.call_url}?order_no={order_no}&status=01") as answer,
        ):
            assert 200 == answer.status
        return order_no

    async def metrics(self) -> list[str]:
        """Return the lines of /metrics."""
        async with (
            aiohttp.ClientSession() as client,
            client.get(f"{self.operator_url}/metrics") as answer,
        ):
            return (await answer.text()).splitlines()

    async def metric(self, name: str) -> float:
        """Return a value of /metrics."""
        [value] = [
            line.rpartition(" ")[2]
            for line in await self.metrics()
            if line.rpartition(" ")[0] == name
        ]
        return float(value)


@pytest.fixture
def starter(tmp_path: Path) -> Iterator[Starter]:
    with processes(tmp_path) as starter:
        yield starter


@asynccontextmanager
async def running(starter: Starter, database_url: str) -> AsyncIterator[Site]:
    secret = new_secret()
    async with subscriber(secret) as merchant:
        declared = [{"name": "shop", "url": merchant.url, "secret": secret}]
        settings = service_settings(database_url) | {
            "SUBSCRIBERS": json.dumps(declared),
            "OPERATOR_PORT": str(free_port()),
        }
        process = starter.start("up", **settings)
        host, port = await process.ready("receiver")
        operator_host, operator_port = await process.ready("operator")
        yield Site(
            process,
            merchant,
            f"http://{host}:{port}/zeus/notify",
            f"http://{operator_host}:{operator_port}",
        )


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def gone(pid: int) -> None:
    async with asyncio.timeout(10):
        while is_alive(pid):
            await asyncio.sleep(0.02)


async def test_calls_are_answered_while_the_second_process_is_gone_and_it_comes_back(
    starter: Starter, database_url: str
) -> None:
    async with running(starter, database_url) as site:
        first = site.back
        os.kill(first, signal.SIGKILL)
        await gone(first)
        await site.call()
        ended = await site.process.logged("back_process_ended")
        assert -signal.SIGKILL == ended["code"]
        await site.merchant.wait_for(1)
        assert first != site.back
        async with asyncio.timeout(20):  # its listener begins when migrations are done
            while True:
                try:
                    assert 1 == await site.metric("zeus_relay_process_restarts_total")
                    break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.1)


async def test_calls_are_answered_while_the_second_process_stands_still(
    starter: Starter, database_url: str
) -> None:
    async with running(starter, database_url) as site:
        os.kill(site.back, signal.SIGSTOP)
        slowest = 0.0
        for _ in range(50):
            began = time.monotonic()
            await site.call()
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 1.0
        assert not site.merchant.received
        os.kill(site.back, signal.SIGCONT)
        await site.merchant.wait_for(50)


async def test_the_second_process_ends_with_the_first(starter: Starter, database_url: str) -> None:
    async with running(starter, database_url) as site:
        back = site.back
        os.kill(back, signal.SIGSTOP)  # so that it cannot see the end of its input
        site.process.kill()
        await gone(back)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("reaches_both", [False, True])
async def test_a_stop_ends_both_the_receiver_first(
    starter: Starter, database_url: str, signum: int, reaches_both: bool
) -> None:
    async with running(starter, database_url) as site:
        back = site.back
        if reaches_both:  # a Ctrl-C, or systemd
            os.kill(back, signum)
            await asyncio.sleep(0.5)
        os.kill(site.process.pid, signum)
        assert 0 == await site.process.ended()
        assert not is_alive(back)
        stopped = [line["role"] for line in site.process.events() if line["event"] == "stopped"]
        assert ["receiver", "worker", "operator", "watch", "back"] == stopped
        assert "back_process_ended" not in site.process.log_text()


async def test_metrics_are_those_of_both(starter: Starter, database_url: str) -> None:
    async with running(starter, database_url) as site:
        for _ in range(3):
            await site.call()
        await site.merchant.wait_for(3)
        assert 3 == await site.metric('zeus_relay_calls_answered_total{status="200"}')
        assert 3 == await site.metric("zeus_relay_answer_seconds_count")
        assert 3 == await site.metric('zeus_relay_notices_judged_total{verdict="accepted"}')
        assert 1 == await site.metric("zeus_relay_database_available")
        [build] = [
            line for line in await site.metrics() if line.startswith("zeus_relay_build_info{")
        ]
        assert build.endswith(" 1.0")  # it says what runs, and is no sum


async def test_metrics_are_those_of_the_second_alone_while_the_first_stands_still(
    starter: Starter, database_url: str
) -> None:
    async with running(starter, database_url) as site:
        await site.call()
        await site.merchant.wait_for(1)
        os.kill(site.process.pid, signal.SIGSTOP)
        try:
            assert 0 == await site.metric('zeus_relay_calls_answered_total{status="200"}')
            assert 1 == await site.metric('zeus_relay_notices_judged_total{verdict="accepted"}')
        finally:
            os.kill(site.process.pid, signal.SIGCONT)
        async with asyncio.timeout(10):
            while not await site.metric('zeus_relay_calls_answered_total{status="200"}'):
                await asyncio.sleep(0.1)


async def test_what_the_second_cannot_do_at_the_start_ends_the_first_with_its_text(
    starter: Starter, database_url: str
) -> None:
    async with running(starter, database_url) as site:
        taken = site.operator_url.rpartition(":")[2]
        settings = service_settings(database_url) | {"OPERATOR_PORT": taken}
        other = starter.start("up", **settings)
        assert 2 == await other.ended()
    assert f"cannot listen on 127.0.0.1:{taken}" in other.log_text()
    assert "Traceback" not in other.log_text()


async def test_receivers_go_first(starter: Starter, database_url: str) -> None:
    async with running(starter, database_url) as site:
        work = starter.start("work", **service_settings(database_url))
        await work.logged("working")
        nice = {
            name: os.getpriority(os.PRIO_PROCESS, pid) - os.getpriority(os.PRIO_PROCESS, 0)
            for name, pid in (
                ("first", site.process.pid),
                ("second", site.back),
                ("work", work.pid),
            )
        }
    assert {"first": 0, "second": 5, "work": 5} == nice
