"""A log whose reader stops or exits, or whose disk is full.

Calls are still answered, webhooks sent, and SIGTERM obeyed.
"""

import asyncio
import re
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from app.simulator.player.orders import build_run
from app.simulator.player.play import play
from app.simulator.player.scenarios import SCENARIOS
from app.simulator.player.target import target_of
from bench.ports import free_port
from tests.chaos.listening import wait_for
from tests.journeys.conftest import Site, judged_notices
from tests.processes import ADMIN_TOKEN, PROGRAM, Process, Starter, environment, service_settings
from tests.raw_http import exchange, status_of
from tests.receiver.receiver_setup import PATH, get, stored

END_SECONDS = 10.0
"""Default time that a container engine waits before it kills."""


async def _full(process: Process, make_it_log: Callable[[], Awaitable[object]]) -> None:
    """Make a process log until its pipe is full."""
    async with asyncio.timeout(20):
        while not process.log_reader.is_full():
            await make_it_log()


async def _call(address: tuple[str, int], order_no: str = "1234-56789-01234") -> int:
    return status_of(
        await exchange(*address, get(PATH + f"?order_no={order_no}&status=01".encode()), patience=5)
    )


async def _metric(address: tuple[str, int], name: str) -> float:
    text = (await exchange(*address, b"GET /metrics HTTP/1.0\r\n\r\n")).decode()
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    assert found, name
    return float(found[1])


async def test_every_role_works_and_ends_with_an_unread_log(site: Site, starter: Starter) -> None:
    settings = site.settings | {"LOG_LEVEL": "DEBUG"}
    receiver, worker, operator = (
        starter.start_with([role], settings, piped=True) for role in ("receive", "work", "operate")
    )
    address, private = await receiver.ready("receiver"), await operator.ready("operator")
    await worker.logged("working")
    for process in (receiver, worker, operator):
        process.log_reader.stop_reading()
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with aiohttp.ClientSession(
        headers=headers, timeout=aiohttp.ClientTimeout(total=5)
    ) as client:

        async def look() -> None:
            async with client.get(
                f"http://{private[0]}:{private[1]}/v1/orders/1234-56789-01234?personal=true"
            ) as response:
                assert 200 == response.status

        await _full(receiver, lambda: _call(address))
        orders = build_run((SCENARIOS["usual"],), 20, seed=24)
        report = await play(target_of(f"http://{address[0]}:{address[1]}/zeus/notify"), orders)
        assert {200} == {result.outcome.status for result in report.results}
        assert max(result.outcome.latency_s for result in report.results) < 5
        await site.merchant.wait_for(1 + 20 * 4)
        assert worker.log_reader.is_full()
        await _full(operator, look)
        await look()
    for process in (receiver, worker, operator):
        process.terminate()
    assert [0, 0, 0] == [
        await process.ended(END_SECONDS) for process in (receiver, worker, operator)
    ]
    assert not [
        notice for notice in await judged_notices(site.database_url) if notice["verdict"] is None
    ]


async def test_up_works_and_ends_with_an_unread_log(site: Site, starter: Starter) -> None:
    service = starter.start_with(["up"], site.settings | {"LOG_LEVEL": "DEBUG"}, piped=True)
    address = await service.ready("receiver")
    await service.logged("working")
    service.log_reader.stop_reading()
    await _full(service, lambda: _call(address))
    assert [200] * 50 == [await _call(address, f"2424-00000-{number:05d}") for number in range(50)]
    await site.merchant.wait_for(51)
    service.terminate()
    assert 0 == await service.ended(END_SECONDS)


async def test_waiting_lines_are_written_when_the_reader_resumes(
    database_url: str, starter: Starter
) -> None:
    receiver = starter.start_with(
        ["receive"], service_settings(database_url) | {"LOG_LEVEL": "DEBUG"}, piped=True
    )
    address = await receiver.ready("receiver")
    receiver.log_reader.stop_reading()
    await _full(receiver, lambda: _call(address))
    calls = len(await stored(database_url)) + 30
    assert [200] * 30 == [await _call(address, "2424-00000-00000") for _ in range(30)]
    receiver.log_reader.resume_reading()
    receiver.terminate()
    assert 0 == await receiver.ended(END_SECONDS)
    await asyncio.sleep(0.5)  # time for the reader
    assert calls == sum(line["event"] == "call_recorded" for line in receiver.events())
    assert "log_lines_dropped" not in receiver.log_text()


async def test_lines_without_a_reader_are_counted(database_url: str, starter: Starter) -> None:
    settings = service_settings(database_url) | {"LOG_LEVEL": "DEBUG", "METRICS_PORT": "0"}
    receiver = starter.start_with(["receive"], settings, piped=True)
    address, metrics = await receiver.ready("receiver"), await receiver.address_of("health")
    assert 0 == await _metric(metrics, "zeus_relay_log_lines_dropped_total")
    receiver.log_reader.exit()
    assert [200] * 5 == [await _call(address) for _ in range(5)]
    async with asyncio.timeout(5):
        while await _metric(metrics, "zeus_relay_log_lines_dropped_total") < 5:
            await asyncio.sleep(0.05)
    receiver.terminate()
    assert 0 == await receiver.ended(END_SECONDS)


@pytest.fixture
def logs_to_full_disk(
    database_url: str, tmp_path: Path
) -> Iterator[tuple[subprocess.Popen[bytes], int, int]]:
    """Yield a receiver whose log cannot be written, and its two ports."""
    port, metrics_port = free_port(), free_port()
    settings = service_settings(database_url) | {
        "PUBLIC_PORT": str(port),
        "METRICS_PORT": str(metrics_port),
    }
    with Path("/dev/full").open("wb") as full:
        receiver = subprocess.Popen(
            [PROGRAM, "receive"],
            env=environment(**settings),
            cwd=tmp_path,
            stdout=full,
            stderr=full,
        )
    yield receiver, port, metrics_port
    receiver.kill()
    receiver.wait()


async def test_a_full_log_disk_delays_no_call(
    logs_to_full_disk: tuple[subprocess.Popen[bytes], int, int],
) -> None:
    receiver, port, metrics_port = logs_to_full_disk
    await asyncio.to_thread(wait_for, port)
    assert 200 == await _call(("127.0.0.1", port))
    assert await _metric(("127.0.0.1", metrics_port), "zeus_relay_log_lines_dropped_total") > 0
    receiver.terminate()
    assert 0 == await asyncio.to_thread(receiver.wait, END_SECONDS)


async def test_the_demo_works_and_ends_with_unread_output(
    database_url: str, starter: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMULATOR_PORT", "0")
    settings = service_settings(database_url) | {"LOG_LEVEL": "ERROR"}
    demo = starter.start_with(["demo"], settings, piped=True)
    async with asyncio.timeout(40):
        while not (found := re.search(r"endpoint +(http://127\S+)", demo.log_text())):
            await asyncio.sleep(0.1)
    demo.log_reader.stop_reading()
    target = target_of(found[1])
    async with asyncio.timeout(60):
        for seed in range(100):
            report = await play(target, build_run((SCENARIOS["usual"],), 10, seed=seed))
            assert {200} == {result.outcome.status for result in report.results}
            if demo.log_reader.is_full():
                break
    assert demo.log_reader.is_full()
    await asyncio.sleep(1)
    report = await play(target, build_run((SCENARIOS["usual"],), 10, seed=1_000))
    assert {200} == {result.outcome.status for result in report.results}
    demo.terminate()
    assert await demo.ended(END_SECONDS) == 0
