"""Receiver process: signals, a limit on open files, and a stop while callers keep connecting."""

import asyncio
import errno
import os
import re
import resource
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.processes import Process, processes, service_settings
from tests.raw_http import exchange, status_of
from tests.receiver.receiver_setup import CALL, PATH, get, stored


async def call(host: str, port: int, number: int = 1) -> str:
    """Return a caller's result: a status, `refused` at connecting, or the failure of its
    connection.
    """
    try:
        async with asyncio.timeout(0.8):
            reader, writer = await asyncio.open_connection(host, port)
    except (ConnectionRefusedError, TimeoutError):
        return "refused"
    except OSError as error:
        return f"connect: {errno.errorcode[error.errno or 0]}"
    try:
        writer.write(get(PATH + b"?order_no=%d&status=01" % number))
        answer = await asyncio.wait_for(reader.read(), 15)
        return answer.split(b" ")[1].decode() if answer else "closed without an answer"
    except ConnectionError as error:
        return type(error).__name__
    finally:
        writer.close()


async def test_a_receiver_starts_beside_a_kubernetes_service_of_its_name(
    database_url: str, tmp_path: Path
) -> None:
    made = {
        "PUBLIC_SERVICE_HOST": "10.96.0.7",
        "PUBLIC_SERVICE_PORT": "8000",
        "METRICS_PORT": "tcp://10.96.0.8:9100",
    }
    with processes(tmp_path) as starter:
        receiver = starter.start(
            "receive",
            **service_settings(database_url),
            **made,
            PUBLIC_PORT_8000_TCP="tcp://10.96.0.7:8000",
        )
        assert "200" == await call(*await receiver.ready("receiver"))
        names = [*made, "PUBLIC_PORT_8000_TCP"]
        assert (
            sorted(f"RELAY_{name}" for name in names)
            == (await receiver.logged("service_variables_ignored"))["variables"]
        )


@pytest.mark.parametrize("callers", [4, 32])
async def test_no_connection_is_reset_by_a_stop(
    database_url: str, tmp_path: Path, callers: int
) -> None:
    seen: Counter[str] = Counter()
    stopped = asyncio.Event()
    numbers = iter(range(1_000_000))

    async def keep_calling(host: str, port: int) -> None:
        while not stopped.is_set():
            seen[await call(host, port, next(numbers))] += 1

    with processes(tmp_path) as starter:
        receiver = starter.start("receive", **service_settings(database_url))
        host, port = await receiver.ready("receiver")
        calling = asyncio.gather(*(keep_calling(host, port) for _ in range(callers)))
        await asyncio.sleep(1)
        receiver.terminate()
        assert await receiver.ended() == 0
        stopped.set()
        await calling
    assert {"200", "refused"} == set(seen), seen
    assert seen["200"] == len(await stored(database_url))


async def test_a_kept_connection_is_closed_cleanly_by_a_stop(
    database_url: str, tmp_path: Path
) -> None:
    with processes(tmp_path) as starter:
        receiver = starter.start("receive", **service_settings(database_url))
        host, port = await receiver.ready("receiver")
        reader, writer = await asyncio.open_connection(host, port)
        request = get(PATH + b"?" + CALL, b"Host: a", version=b"1.1")
        writer.write(request)
        assert b"connection: close" not in await reader.readuntil(b"\r\n\r\nOK")
        receiver.terminate()
        await asyncio.sleep(0.4)
        writer.write(request)  # still open: the call is answered, with Connection: close
        assert b"connection: close" in await reader.readuntil(b"\r\n\r\nOK")
        assert await reader.read() == b""
        writer.close()
        assert await receiver.ended() == 0
    assert len(await stored(database_url)) == 2


async def test_ready_says_no_before_the_receiver_stops_accepting(
    database_url: str, tmp_path: Path
) -> None:
    with processes(tmp_path) as starter:
        receiver = starter.start("receive", **service_settings(database_url), STOP_DELAY="1500ms")
        host, port = await receiver.ready("receiver")
        receiver.terminate()
        await asyncio.sleep(0.5)
        assert status_of(await exchange(host, port, get(b"/readyz"))) == 503
        assert await call(host, port) == "200"
        assert await receiver.ended() == 0


async def reloaded(receiver: Process, event: str) -> None:
    """Reload the sources and wait until the log shows it once more than before."""
    before = sum(line.get("event") == event for line in receiver.events())
    os.kill(receiver.pid, signal.SIGHUP)
    for _ in range(200):
        if sum(line.get("event") == event for line in receiver.events()) > before:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(receiver.log_text())


async def test_sources_are_read_again_on_sighup_and_wrong_ones_change_nothing(
    database_url: str, tmp_path: Path
) -> None:
    listed = tmp_path / "sources"
    listed.write_text("127.0.0.0/8  # this machine\n")
    settings = service_settings(database_url) | {
        "ALLOWED_SOURCES": "192.0.2.0/24",
        "ALLOWED_SOURCES_FILE": str(listed),
    }
    with processes(tmp_path) as starter:
        receiver = starter.start("receive", **settings)
        host, port = await receiver.ready("receiver")
        assert await call(host, port) == "200"
        calls = asyncio.gather(*(call(host, port, number) for number in range(50)))
        listed.write_text("\n198.51.100.0/24\n")
        await reloaded(receiver, "sources_reloaded")
        assert set(await calls) <= {"200", "403"}
        assert await call(host, port) == "403"
        (tmp_path / ".env").write_text("RELAY_SOURCE_MODE=observe\n")
        await reloaded(receiver, "sources_reloaded")
        assert await call(host, port) == "200"
        listed.write_text("198.51.100.300\n")
        await reloaded(receiver, "sources_kept")
        assert "198.51.100.300" not in receiver.log_text()
        (tmp_path / ".env").write_text("RELAY_SOURCE_MODE=sometimes\n")
        await reloaded(receiver, "sources_kept")
        assert await call(host, port) == "200"


async def test_more_connections_than_files_are_survived(database_url: str, tmp_path: Path) -> None:
    with processes(tmp_path) as starter:
        receiver = starter.start("receive", **service_settings(database_url))
        host, port = await receiver.ready("receiver")
        resource.prlimit(
            receiver.pid, resource.RLIMIT_NOFILE, (200, 200)
        )  # below the receiver's estimate
        connections = await asyncio.gather(
            *(asyncio.open_connection(host, port) for _ in range(400)), return_exceptions=True
        )
        await asyncio.sleep(0.5)
        for connection in connections:
            if isinstance(connection, tuple):
                connection[1].close()
        for _ in range(20):
            if (last := await call(host, port)) == "200":
                break
            await asyncio.sleep(0.5)
        assert last == "200"


async def test_the_log_of_what_cannot_be_read_holds_nothing_personal(
    database_url: str, tmp_path: Path
) -> None:
    with processes(tmp_path) as starter:
        receiver = starter.start("receive", **service_settings(database_url))
        host, port = await receiver.ready("receiver")
        await exchange(
            host, port, b"G\x83T /zeus?telno=0312345678&email=taro@example.com HTTP/1.0\r\n\r\n"
        )
        await exchange(host, port, b"telno=0312345678&email=taro@example.com\r\n\r\n")
        await receiver.logged(
            "no_call", reason="unreadable", expected_peer=True, first_bytes="G\\x83T /zeus"
        )
        await receiver.logged("no_call", reason="unreadable", first_bytes="telno")
        assert not re.search(
            "0312345678|taro|127.0.0.1", receiver.log_text().partition('"no_call"')[2]
        )
