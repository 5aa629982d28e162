"""What the kernel tells about waiting: age of bytes, accept queue, overflows."""

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest

from app.network.kernel_queue import (
    IS_KNOWN,
    accept_queue,
    longest_backlog,
    overflows,
    seconds_waited,
)

pytestmark = pytest.mark.skipif(not IS_KNOWN, reason="only Linux tells it")


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A socket with room for three connections, from which nobody accepts."""
    with socket.create_server(("127.0.0.1", 0), backlog=2) as listener:
        yield listener


async def test_tells_how_long_bytes_waited(listening: socket.socket) -> None:
    with socket.create_connection(listening.getsockname()) as client:
        client.sendall(b"GET")
        await asyncio.sleep(0.4)
        accepted, _ = listening.accept()
        with accepted:
            assert 0.3 <= seconds_waited(accepted) <= 2
            client.sendall(b" / HTTP/1.0")
            await asyncio.sleep(0.02)
            assert seconds_waited(accepted) < 0.3


def test_tells_nothing_of_what_is_no_tcp_socket() -> None:
    with socket.socket(socket.AF_UNIX) as other:
        assert seconds_waited(other) == 0
        assert accept_queue(other) is None


def test_counts_who_waits_and_who_was_dropped(listening: socket.socket) -> None:
    before = overflows()
    assert before is not None
    clients = [socket.socket() for _ in range(6)]
    try:
        for client in clients:
            client.setblocking(False)
            client.connect_ex(listening.getsockname())
        until = time.monotonic() + 5
        while (queue := accept_queue(listening)) is None or queue.length < 3:
            assert time.monotonic() < until
            time.sleep(0.01)
        assert queue.limit == 2
        while (after := overflows()) is None or after <= before:
            assert time.monotonic() < until
            time.sleep(0.01)
    finally:
        for client in clients:
            client.close()


def test_knows_the_systems_limit() -> None:
    limit = longest_backlog()
    assert limit is not None
    assert limit >= 1
