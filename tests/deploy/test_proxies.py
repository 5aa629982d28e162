"""Proxy configurations with real proxies: forwarded bytes, trusted headers and restarts."""

import asyncio
import json
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.ports import free_port
from tests.processes import Process, Starter, processes, service_settings
from tests.receiver.receiver_setup import CALL, PATH, fetch, stored

ROOT = Path(__file__).parents[2]
ZEUS = "127.0.0.2"
SEARCHED = os.environ["PATH"] + ":/usr/sbin"


def needs(program: str) -> pytest.MarkDecorator:
    """Skip without the program."""
    return pytest.mark.skipif(
        shutil.which(program, path=SEARCHED) is None, reason=f"{program} is not installed"
    )


PROXIES = [pytest.param("nginx", marks=needs("nginx")), pytest.param("caddy", marks=needs("caddy"))]
SHAPES = {
    "8-bit bytes": (
        b"GET /zeus/notify?" + CALL + b"&username=\x83R\x83\x93 HTTP/1.0\r\n\r\n",
        {"nginx", "caddy"},
    ),
    "hash": (b"GET /zeus/notify?" + CALL + b"&sendid=A#B HTTP/1.0\r\n\r\n", {"nginx", "caddy"}),
    "symbols": (
        b"GET /zeus/notify?" + CALL + b'&sendid=\\|^{}[]~`;" HTTP/1.0\r\n\r\n',
        {"nginx", "caddy"},
    ),
    "space": (b"GET /zeus/notify?" + CALL + b"&username=a b HTTP/1.0\r\n\r\n", set()),
    "DEL": (b"GET /zeus/notify?" + CALL + b"&username=a\x7fb HTTP/1.0\r\n\r\n", set()),
    "HTTP/1.0 without Host": (
        b"GET /zeus/notify?" + CALL + b" HTTP/1.0\r\n\r\n",
        {"nginx", "caddy"},
    ),
    "HTTP/1.1 without Host": (b"GET /zeus/notify?" + CALL + b" HTTP/1.1\r\n\r\n", set()),
    "LF-only": (b"GET /zeus/notify?" + CALL + b" HTTP/1.0\n\n", {"nginx", "caddy"}),
    "no version": (b"GET /zeus/notify?" + CALL + b"\r\n", {"nginx"}),
    "absolute form": (
        b"GET http://relay.example/zeus/notify?" + CALL + b" HTTP/1.0\r\n\r\n",
        {"nginx", "caddy"},
    ),
    "slashes": (b"GET //zeus//notify/?" + CALL + b" HTTP/1.0\r\n\r\n", {"nginx", "caddy"}),
    "60 KB": (
        b"GET /zeus/notify?" + CALL + b"&sendid=" + b"a" * 60_000 + b" HTTP/1.0\r\n\r\n",
        {"nginx", "caddy"},
    ),
    "100 KB": (
        b"GET /zeus/notify?" + CALL + b"&sendid=" + b"a" * 100_000 + b" HTTP/1.0\r\n\r\n",
        {"nginx", "caddy"},
    ),
    "POST": (
        b"POST /zeus/notify HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(CALL) + CALL,
        {"nginx", "caddy"},
    ),
    "200 KB body": (
        b"POST /zeus/notify HTTP/1.0\r\nContent-Length: 200000\r\n\r\n" + CALL.ljust(200_000, b"&"),
        {"nginx", "caddy"},
    ),
}


@dataclass(frozen=True)
class Site:
    """A proxy with two receivers behind it."""

    proxy: str
    port: int
    receivers: list[Process]
    ports: list[int]
    starter: Starter
    settings: dict[str, str]
    directory: Path

    async def send(self, request: bytes, source: str = ZEUS, patience: float = 45) -> int:
        """Return the status that a caller sees; 0 if the connection ends without one."""
        try:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self.port, local_addr=(source, 0)
            )
            writer.write(request)
            answer = await asyncio.wait_for(reader.read(), patience)
            writer.close()
        except ConnectionError:
            return 0
        return (
            int(answer.split(b" ")[1])
            if answer.startswith(b"HTTP/")
            else 200
            if answer == b"OK"
            else 0
        )

    async def restart(self, number: int) -> None:
        """Stop a receiver like a deploy, and start another in its place."""
        self.receivers[number].terminate()
        await self.receivers[number].ended()
        self.receivers[number] = self.starter.start(
            "receive", **self.settings, PUBLIC_PORT=str(self.ports[number])
        )
        await self.receivers[number].ready("receiver")


@contextmanager
def running(command: list[str], log: Path, **environment: str) -> Iterator[None]:
    """Run the proxy, with its output in a file."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=os.environ | environment, stdout=output, stderr=output
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def nginx(port: int, receivers: list[int], directory: Path) -> list[str]:
    """Return the command of nginx with the shipped configuration and the test's ports and files."""
    text = (ROOT / "deploy/nginx.conf").read_text()
    changes = {
        "127.0.0.1:8000": f"127.0.0.1:{receivers[0]}",
        "127.0.0.1:8002": f"127.0.0.1:{receivers[1]}",
        "listen 8080": f"listen 127.0.0.1:{port}",
        "/run/nginx.pid": f"{directory}/nginx.pid",
        "/var/log/nginx/zeus-relay.log": f"{directory}/access.log",
    }
    for shipped, here in changes.items():
        assert text.count(shipped) == 1, shipped
        text = text.replace(shipped, here)
    (directory / "nginx.conf").write_text(text)
    program = shutil.which("nginx", path=SEARCHED) or "nginx"
    return [
        program,
        "-c",
        str(directory / "nginx.conf"),
        "-p",
        str(directory),
        "-e",
        str(directory / "error.log"),
        "-g",
        "daemon off;",
    ]


@pytest.fixture
async def site(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path
) -> AsyncIterator[Site]:
    """Yield the proxy of the test with two receivers that trust it and allow ZEUS."""
    port, *ports = free_port(), free_port(), free_port()
    settings = service_settings(database_url) | {
        "TRUSTED_PROXIES": "127.0.0.1/32",
        "ALLOWED_SOURCES": f"{ZEUS}/32",
    }
    del settings["PUBLIC_PORT"]
    command = (
        nginx(port, ports, tmp_path)
        if request.param == "nginx"
        else ["caddy", "run", "--config", str(ROOT / "deploy/Caddyfile")]
    )
    environment = {
        "PROXY_ADDRESS": f"http://:{port}",
        "RECEIVERS": " ".join(f"127.0.0.1:{number}" for number in ports),
    }
    with processes(tmp_path) as starter:
        receivers = [
            starter.start("receive", **settings, PUBLIC_PORT=str(number)) for number in ports
        ]
        for receiver in receivers:
            await receiver.ready("receiver")
        home = {
            "HOME": str(tmp_path),
            "XDG_DATA_HOME": str(tmp_path),
            "XDG_CONFIG_HOME": str(tmp_path),
        }
        with running(command, tmp_path / "proxy.log", **environment, **home):
            site = Site(request.param, port, receivers, ports, starter, settings, tmp_path)
            deadline = time.monotonic() + 20
            while await site.send(b"GET /healthz HTTP/1.0\r\n\r\n", patience=5) != 200:
                assert time.monotonic() < deadline, (tmp_path / "proxy.log").read_text()
                await asyncio.sleep(0.1)
            yield site


@pytest.mark.parametrize("site", PROXIES, indirect=True)
async def test_forwarded_requests_arrive_byte_for_byte(site: Site, database_url: str) -> None:
    statuses = {name: await site.send(request) for name, (request, _) in SHAPES.items()}
    notices = await stored(database_url)
    rows = [row["target"] + row["body"] for row in notices]
    print(json.dumps(statuses))
    passed = {name for name, status in statuses.items() if status == 200}
    assert {name for name, (_, through) in SHAPES.items() if site.proxy in through} == passed, (
        statuses
    )
    for name in passed - {"100 KB", "200 KB body", "absolute form", "POST"}:
        target = SHAPES[name][0].split(b" HTTP/")[0].removeprefix(b"GET ").removesuffix(b"\r\n")
        assert target in rows, name
    assert PATH + CALL in rows
    # The absolute form has lost its scheme and host, the long ones all bytes behind their cut.
    assert rows.count(PATH + b"?" + CALL) >= 3
    assert not any(b"relay.example" in row for row in rows)
    cuts = [row["target"] + row["body"] for row in notices if row["cut"]]
    assert [PATH + b"?" + CALL, PATH] == [
        cut.rstrip(b"&").replace(PATH + CALL, PATH) for cut in cuts
    ]
    assert all(row["address"] == ZEUS for row in notices)


@pytest.mark.parametrize("site", PROXIES, indirect=True)
async def test_a_source_cannot_be_forged_and_no_log_shows_zeus(
    site: Site, database_url: str
) -> None:
    forged = (
        b"X-Forwarded-For: %b\r\nForwarded: for=%b\r\nX-Raw-Query: order_no=2&status=05\r\n\r\n"
        % (ZEUS.encode(), ZEUS.encode())
    )
    request = b"GET /zeus/notify?telno=0312345678&" + CALL + b" HTTP/1.0\r\n" + forged
    assert await site.send(request, "127.0.0.3") == 403
    assert await site.send(request) == 200
    [notice] = await stored(database_url)
    assert notice["target"] == PATH + b"?telno=0312345678&" + CALL
    site.receivers[0].kill()
    assert await site.send(request) == 200
    logs = "".join(file.read_text(errors="replace") for file in site.directory.glob("*.log"))
    assert "0312345678" not in logs
    assert ZEUS not in logs


@pytest.mark.parametrize("site", PROXIES, indirect=True)
async def test_restarts_and_a_kill_lose_no_call(site: Site, database_url: str) -> None:
    seen: Counter[int] = Counter()
    over = asyncio.Event()

    async def keep_calling(caller: int) -> None:
        while not over.is_set():
            order_no = caller * 1_000_000 + sum(seen.values())
            seen[
                await site.send(
                    b"GET /zeus/notify?order_no=%d&status=01 HTTP/1.0\r\n\r\n" % order_no
                )
            ] += 1
            await asyncio.sleep(0.02)

    calling = asyncio.gather(*(keep_calling(caller) for caller in range(4)))
    await site.restart(0)
    await site.restart(1)
    site.receivers[0].kill()
    await asyncio.sleep(1)
    over.set()
    await calling
    assert {200} == set(seen), seen
    [row] = await fetch(database_url, "SELECT count(DISTINCT target) AS calls FROM notices")
    assert (
        row["calls"]
        <= seen[200]
        <= (await fetch(database_url, "SELECT count(*) AS all FROM notices"))[0]["all"]
    )


@pytest.mark.parametrize("site", [PROXIES[1]], indirect=True)
async def test_caddy_holds_a_call_while_no_receiver_runs(site: Site, database_url: str) -> None:
    for receiver in site.receivers:
        receiver.terminate()
        await receiver.ended()
    held = asyncio.create_task(site.send(b"GET /zeus/notify?" + CALL + b" HTTP/1.0\r\n\r\n"))
    await asyncio.sleep(1)
    assert not held.done()
    await site.restart(0)
    assert await held == 200
    assert len(await stored(database_url)) == 1
