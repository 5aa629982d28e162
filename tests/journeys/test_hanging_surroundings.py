"""Hanging dependencies: trace collector, alert URL, scrapers, name server, irregular files.

Calls are still answered, webhooks sent, and SIGTERM obeyed.
"""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.simulator.player.orders import build_run
from app.simulator.player.play import play
from app.simulator.player.scenarios import SCENARIOS
from app.simulator.player.target import target_of
from tests.fair_clock import fair_seconds
from tests.journeys.conftest import Site
from tests.processes import Process, Starter, service_settings
from tests.raw_http import exchange, status_of
from tests.receiver.receiver_setup import PATH, get

ORDERS = 20
END_SECONDS = 20.0
SLOWEST_SECONDS = 5.0


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """Yield the port of a server that accepts connections and requests and never answers."""

    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        finally:
            writer.close()

    server = await asyncio.start_server(ignore, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _works(site: Site, address: tuple[str, int], seed: int) -> None:
    """Assert that calls are answered in time and every event arrives."""
    before = len(site.merchant.received)
    report = await play(
        target_of(f"http://{address[0]}:{address[1]}/zeus/notify"),
        build_run((SCENARIOS["usual"],), ORDERS, seed=seed),
    )
    assert {200} == {result.outcome.status for result in report.results}
    assert max(result.outcome.latency_s for result in report.results) < SLOWEST_SECONDS
    await site.merchant.wait_for(before + 4 * ORDERS)


async def _ends(process: Process) -> None:
    process.terminate()
    assert 0 == await process.ended(END_SECONDS), process.log_text()


async def test_a_silent_trace_collector(site: Site, starter: Starter) -> None:
    async with silent_server() as port:
        service = starter.start("up", **site.settings, OTLP_ENDPOINT=f"http://127.0.0.1:{port}")
        address = await service.ready("receiver")
        await service.logged("working")
        await _works(site, address, 1)
        await _works(site, address, 2)
        await _ends(service)


async def test_a_silent_alert_url(site: Site, starter: Starter) -> None:
    async with silent_server() as port:
        service = starter.start("up", **site.settings, ALERT_URL=f"http://127.0.0.1:{port}/hook")
        address = await service.ready("receiver")
        # This call causes an alert.
        assert 200 == status_of(await exchange(*address, get(PATH + b"?order_no=1&status=99")))
        await service.logged("alert_not_sent")
        await _works(site, address, 3)
        await _ends(service)


async def test_scrapers_that_never_read_answers(site: Site, starter: Starter) -> None:
    service = starter.start("up", **site.settings)
    address, private = await service.ready("receiver"), await service.ready("operator")
    scrapers = [_scraper(private) for _ in range(20)]
    try:
        await _works(site, address, 4)
        assert 200 == status_of(await exchange(*private, b"GET /metrics HTTP/1.0\r\n\r\n"))
        service.terminate()
        # It waits for answers in flight, for 20 seconds at most.
        assert 0 == await service.ended(40), service.log_text()
    finally:
        for scraper in scrapers:
            scraper.close()


def _scraper(address: tuple[str, int]) -> socket.socket:
    """Return a connection that requests the metrics many times and reads nothing."""
    scraper = socket.socket()
    scraper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    scraper.connect(address)
    scraper.setblocking(False)
    scraper.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
    return scraper


async def test_a_flood_of_scrapes_delays_no_call(site: Site, starter: Starter) -> None:
    service = starter.start("up", **site.settings)
    address, private = await service.ready("receiver"), await service.ready("operator")
    await service.logged("working")
    scrapers = [await asyncio.open_connection(*private) for _ in range(50)]
    reading = [asyncio.create_task(_read_on(reader)) for reader, _ in scrapers]
    for _, writer in scrapers:
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 100)
    slowest = 0.0
    for number in range(20):
        began = fair_seconds()
        answer = await exchange(*address, get(PATH + b"?order_no=1&status=01"), patience=30)
        assert 200 == status_of(answer), number
        slowest = max(slowest, fair_seconds() - began)
    for task in reading:
        task.cancel()
    for _, writer in scrapers:
        writer.close()
    assert slowest < SLOWEST_SECONDS / 5, slowest
    await _ends(service)


async def _read_on(reader: asyncio.StreamReader) -> None:
    while await reader.read(1 << 20):
        pass


async def test_a_fifo_in_place_of_the_file_of_sources(
    database_url: str, starter: Starter, tmp_path: Path
) -> None:
    sources = tmp_path / "sources"
    sources.write_text("127.0.0.1/32\n")
    receiver = starter.start(
        "receive", **service_settings(database_url), ALLOWED_SOURCES_FILE=str(sources)
    )
    address = await receiver.ready("receiver")
    os.kill(receiver.pid, signal.SIGHUP)
    await receiver.logged("sources_reloaded")
    sources.unlink()
    os.mkfifo(sources)
    for _ in range(3):
        os.kill(receiver.pid, signal.SIGHUP)
        await asyncio.sleep(0.2)
        assert 200 == status_of(
            await exchange(*address, get(PATH + b"?order_no=1&status=01"), patience=5)
        )
    await receiver.logged("sources_kept")
    sources.unlink()
    sources.write_text("127.0.0.1/32\n127.0.0.2/32\n")
    os.kill(receiver.pid, signal.SIGHUP)
    await receiver.logged("sources_reloaded", allowed=4)
    await _ends(receiver)


@pytest.fixture
def silent_name_server(tmp_path: Path) -> Iterator[Path]:
    """Yield a resolv.conf that names a server which never answers."""
    address = f"127.21.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, 53))
        file = tmp_path / "resolv.conf"
        file.write_text(f"nameserver {address}\n")
        yield file


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount its own /etc/resolv.conf")
async def test_a_silent_name_server(site: Site, starter: Starter, silent_name_server: Path) -> None:
    chat = "http://chat.example/hook"
    settings = site.settings | {
        "ALERT_URL": chat,
        "PUBLIC_URL": "https://pay.example/zeus/notify",
        "OTLP_ENDPOINT": "http://otel.example",
    }
    service = starter.start_with(["up"], settings, before=_with_resolver(silent_name_server))
    address = await service.ready("receiver")
    assert 200 == status_of(await exchange(*address, get(PATH + b"?order_no=1&status=99")))
    await service.logged("certificate_not_seen")
    await service.logged("alert_not_sent")
    await _works(site, address, 5)
    await _ends(service)


def _with_resolver(file: Path) -> list[str]:
    """Return the command that runs its arguments with `file` as /etc/resolv.conf."""
    return [
        "unshare",
        "--mount",
        "sh",
        "-c",
        f'mount --bind {file} /etc/resolv.conf && exec "$0" "$@"',
    ]
