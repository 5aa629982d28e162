"""Doctor checks of the public URL, as a caller sees it."""

import asyncio
import ipaddress
import ssl
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from app.network.address_rules import Address
from app.operations.doctor.findings import Level
from app.operations.doctor.public_url import check_callers, check_public_url
from app.settings import Settings
from tests.forwarding.hostile_server import server_tls, serving
from tests.operations.operations_setup import SOURCE, OperationsSetup
from tests.receiver.receiver_setup import fetch, receiver

TOKEN = "k3VQ8mZ1xWb7Tn5cRj9uYd2L"
ZEUS = [ipaddress.ip_network("192.0.2.0/24")]
LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]


def _settings(url: str | None, **values: Any) -> Settings:
    return Settings.model_validate({"public_url": url, "allowed_sources": ZEUS, **values})


async def _found(settings: Settings, tls: ssl.SSLContext | None = None) -> dict[str, Level]:
    findings = await check_public_url(settings, tls)
    assert all((finding.remedy is None) == (finding.level is Level.OK) for finding in findings)
    assert TOKEN not in "".join(finding.model_dump_json() for finding in findings)
    return {finding.subject: finding.level for finding in findings}


async def test_the_public_url_is_called_as_written() -> None:
    lines: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            lines.append(line)
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    async with serving(take) as port:
        await _found(_settings(f"http://127.0.0.1:{port}/zeus%2Fnotify%7e"))
    assert [
        b"OPTIONS /zeus%2Fnotify%7e HTTP/1.1\r\n",
        b"HEAD /zeus%2Fnotify%7e HTTP/1.1\r\n",
    ] == lines


@asynccontextmanager
async def _answering(
    status: int, tls: ssl.SSLContext | None = None, **headers: str
) -> AsyncIterator[tuple[int, list[str]]]:
    """Run a server with one fixed answer. Yield its port and the requested paths."""
    asked: list[str] = []

    async def handle(request: web.BaseRequest) -> web.Response:
        asked.append(request.path)
        return web.Response(status=status, headers=headers)

    runner = web.ServerRunner(web.Server(handle), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    yield runner.addresses[0][1], asked
    await runner.cleanup()


async def test_a_missing_public_url_is_not_checked() -> None:
    assert {"public URL": Level.WARNING} == await _found(_settings(None))


async def test_a_receiver_that_rejects_unknown_sources_is_correct_and_records_nothing(
    database_url: str,
) -> None:
    async with receiver(database_url, allowed=ZEUS, token=TOKEN) as port:
        found = await _found(_settings(f"http://127.0.0.1:{port}/zeus/notify", notify_token=TOKEN))
    assert {
        "public certificate": Level.WARNING,
        "public URL": Level.OK,
        "forged source": Level.OK,
    } == found
    for table in ("notices", "rejected_samples"):
        assert [] == await fetch(database_url, f"SELECT 1 FROM {table}")


async def test_a_receiver_that_accepts_this_machine_is_correct(database_url: str) -> None:
    async with receiver(database_url, allowed=LOOPBACK) as port:
        found = await _found(_settings(f"http://127.0.0.1:{port}/zeus/notify/"))
    assert {"public certificate": Level.WARNING, "public URL": Level.OK} == found
    assert [] == await fetch(database_url, "SELECT 1 FROM notices")


async def test_trust_in_forged_addresses_is_found(database_url: str) -> None:
    async with receiver(database_url, allowed=ZEUS, trusted=LOOPBACK) as port:
        found = await _found(_settings(f"http://127.0.0.1:{port}/zeus/notify"))
    assert Level.ERROR is found["forged source"]


async def test_a_wrong_token_or_path_is_found(database_url: str) -> None:
    async with receiver(database_url, allowed=ZEUS, token=TOKEN) as port:
        found = await _found(
            _settings(f"http://127.0.0.1:{port}/zeus/notify", notify_token=TOKEN[::-1])
        )
    assert Level.ERROR is found["public URL"]


@pytest.mark.parametrize(
    ("status", "level"),
    [
        (301, Level.ERROR),
        (404, Level.ERROR),
        (502, Level.ERROR),
        (200, Level.WARNING),
        (401, Level.WARNING),
    ],
)
async def test_a_server_that_is_not_a_receiver_is_found(status: int, level: Level) -> None:
    async with _answering(status, location="https://elsewhere.example/") as (port, _):
        assert (
            level is (await _found(_settings(f"http://127.0.0.1:{port}/zeus/notify")))["public URL"]
        )


async def test_a_port_without_a_server_is_found() -> None:
    assert Level.ERROR is (await _found(_settings("http://127.0.0.1:1/zeus/notify")))["public URL"]
    assert {"public certificate": Level.ERROR} == await _found(
        _settings("https://127.0.0.1:1/zeus/notify")
    )


@pytest.mark.parametrize(
    ("days", "level"), [(30, Level.OK), (10, Level.WARNING), (-1, Level.ERROR)]
)
async def test_the_certificate_is_judged_by_its_expiry(
    tmp_path: Path, days: int, level: Level
) -> None:
    tls, trusted = server_tls(tmp_path, "127.0.0.1", days=days)
    async with _answering(502, tls) as (port, _):
        found = await _found(
            _settings(f"https://127.0.0.1:{port}/zeus/notify"),
            ssl.create_default_context(cafile=trusted),
        )
    assert level is found["public certificate"]
    assert (level is Level.ERROR) == ("public URL" not in found)


async def test_the_token_is_not_sent_to_an_unidentified_server(tmp_path: Path) -> None:
    tls, _ = server_tls(tmp_path, "127.0.0.1", days=30)
    async with _answering(200, tls) as (port, asked):
        await _found(_settings(f"https://127.0.0.1:{port}/zeus/notify", notify_token=TOKEN))
    assert [] == asked


async def test_a_proxy_that_hides_its_callers_is_found(setup: OperationsSetup) -> None:
    await setup.call("01")
    assert [] == await check_callers(setup.sessions, _settings(None, trusted_proxies=LOOPBACK))
    [found] = await check_callers(setup.sessions, _settings(None, trusted_proxies=ZEUS))
    assert (Level.ERROR, False) == (found.level, SOURCE in found.model_dump_json())


async def test_a_proxy_that_is_not_trusted_is_found(setup: OperationsSetup) -> None:
    await setup.run(
        "INSERT INTO rejected_samples (id, lane, received_at, source, method, target, headers, "
        "body) "
        "VALUES (gen_random_uuid(), 1, now(), '10.0.0.5', 'GET', '', '', '')"
    )
    [found] = await check_callers(setup.sessions, _settings(None))
    assert (Level.WARNING, False) == (found.level, "10.0.0.5" in found.model_dump_json())


async def test_a_silent_name_server_blocks_no_thread_of_the_loop() -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    answers = threading.Event()

    def silent(host: str) -> list[Address]:
        answers.wait(60)
        return []

    for url in ("https://pay.example/zeus/notify", "http://pay.example/zeus/notify"):
        checking = asyncio.create_task(check_public_url(_settings(url), lookup=silent))
        await asyncio.sleep(0.1)
        assert 1 == await asyncio.wait_for(asyncio.to_thread(lambda: 1), 5)
        assert Level.ERROR in {finding.level for finding in await checking}
    answers.set()
