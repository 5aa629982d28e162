"""Floods: strangers are refused at the head, reads are bounded, and every connection ends."""

import asyncio
import gc
import ipaddress
import math
import socket
import time

import pytest

from app.metrics import registry
from app.receiver.http.body_reader import BODY_LIMIT, CODED_LIMIT
from app.receiver.http.connection_limit import FREE_BYTES, SHARED_BYTES, ConnectionLimit
from app.receiver.http.limits import HEAD_SECONDS, LINGER_BYTES, LINGER_SECONDS, STRANGER_HEAD_BYTES
from app.receiver.http.protocol import ReceiverProtocol
from tests.raw_http import exchange, status_of
from tests.receiver.receiver_setup import CALL, LOOPBACK, PATH, converse, get, receiver, stored

OTHERS = (ipaddress.ip_network("192.0.2.0/24"),)
GIGABYTE = b"Content-Length: 1000000000"
CHUNKED = b"Transfer-Encoding: chunked"
EXPECT = b"Expect: 100-continue"
BUFFERS = 4 * 1024 * 1024
"""Bytes that the kernel may hold of a connection on both sides of loopback."""


def posting(*headers: bytes) -> bytes:
    return get(PATH, b"Host: a", *headers, version=b"1.1", method=b"POST")


@pytest.mark.parametrize("framing", [GIGABYTE, CHUNKED])
@pytest.mark.parametrize("proxied", [False, True])
async def test_a_stranger_is_rejected_before_its_body(
    database_url: str, framing: bytes, proxied: bool
) -> None:
    trusted = LOOPBACK if proxied else ()
    async with receiver(database_url, allowed=OTHERS, trusted=trusted) as port:
        answer = await converse(
            port, posting(framing, EXPECT, b"X-Forwarded-For: 198.51.100.1"), patience=1.5
        )
    assert b"HTTP/1.1 403" == answer[:12]
    assert b"100 Continue" not in answer


async def test_a_stranger_s_body_is_read_when_a_sample_is_due_and_only_then(
    database_url: str,
) -> None:
    async with receiver(database_url, allowed=OTHERS) as port:
        answer = await converse(
            port, posting(b"Content-Length: %d" % len(CALL), EXPECT), CALL, pause=0.3
        )
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403")
        answer = await converse(
            port, posting(b"Content-Length: %d" % len(CALL), EXPECT), patience=1.5
        )
        assert answer.startswith(b"HTTP/1.1 403"), "one a second is taken"


async def test_a_trusted_proxy_s_stranger_costs_the_connection_nothing_when_its_body_is_there(
    database_url: str,
) -> None:
    body = b"a" * 3_000
    request = posting(b"Content-Length: 3000", b"X-Forwarded-For: 198.51.100.1") + body
    async with receiver(database_url, allowed=OTHERS, trusted=LOOPBACK) as port:
        answers = await converse(port, request + request + get(b"/healthz"))
    assert (2, 1) == (answers.count(b"HTTP/1.1 403"), answers.count(b"HTTP/1.1 200"))


async def test_the_endless_head_of_a_stranger_is_rejected(database_url: str) -> None:
    async with receiver(database_url, allowed=OTHERS) as port:
        for beginning in (
            b"GET /" + b"a" * STRANGER_HEAD_BYTES,
            b"GET / HTTP/1.1\r\nX: " + b"a" * STRANGER_HEAD_BYTES,
        ):
            assert 403 == status_of(await converse(port, beginning + b"a", patience=1.5))


async def test_a_sender_that_goes_on_after_its_answer_is_not_read_without_end(
    database_url: str,
) -> None:
    sent, began, took = 0, time.monotonic(), math.inf
    async with receiver(database_url, allowed=OTHERS) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(posting(GIGABYTE))
        try:
            while time.monotonic() < began + LINGER_SECONDS + 3:
                writer.write(b"a" * 65_536)
                await asyncio.wait_for(writer.drain(), LINGER_SECONDS + 3)
                sent += 65_536
        except ConnectionError:
            took = time.monotonic() - began
        writer.close()
    assert sent < LINGER_BYTES + BUFFERS
    assert took < LINGER_SECONDS + 2


@pytest.mark.parametrize("drop", [b"\r\n", b"\n", b"\r"])
async def test_empty_lines_between_requests_keep_no_connection(
    database_url: str, drop: bytes
) -> None:
    async with receiver(database_url) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(get(b"/healthz", version=b"1.1"))
        await reader.readuntil(b"alive\n")
        began = time.monotonic()
        while not reader.at_eof() and time.monotonic() < began + HEAD_SECONDS + 4:
            writer.write(drop)
            await asyncio.sleep(0.2)
        assert reader.at_eof()
        assert HEAD_SECONDS - 0.5 < time.monotonic() - began < HEAD_SECONDS + 3
        writer.close()


async def test_a_head_that_trickles_in_late_has_one_deadline_of_its_own(database_url: str) -> None:
    async with receiver(database_url) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(get(b"/healthz", version=b"1.1"))
        await reader.readuntil(b"alive\n")
        await asyncio.sleep(HEAD_SECONDS / 2)
        began = time.monotonic()
        while not reader.at_eof() and time.monotonic() < began + HEAD_SECONDS + 4:
            writer.write(b"G")
            await asyncio.sleep(0.2)
        assert reader.at_eof()
        assert HEAD_SECONDS - 0.5 < time.monotonic() - began < HEAD_SECONDS + 3
        writer.close()


async def test_chunk_extensions_are_read_within_bounds(database_url: str) -> None:
    chunk = b"1;" + b"e" * 1000 + b"\r\n1\r\n"
    async with receiver(database_url) as port:
        request = (
            posting(CHUNKED) + b"b\r\norder_no=9&\r\n" + chunk * (CODED_LIMIT // len(chunk) + 1)
        )
        assert 200 == status_of(await converse(port, request))
    [notice] = await stored(database_url)
    assert (b"order_no=9", True) == (notice["body"], notice["cut"])
    assert len(notice["body"]) < BODY_LIMIT


async def test_a_peer_that_does_not_read_its_answers_is_dropped(database_url: str) -> None:
    async with receiver(database_url) as port:
        open_before = registry.get_sample_value("zeus_relay_connections_open")
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        deaf.setblocking(False)
        await asyncio.get_running_loop().sock_connect(deaf, ("127.0.0.1", port))
        began = time.monotonic()
        while time.monotonic() < began + 30:
            try:
                deaf.send(get(PATH, version=b"1.1", method=b"PUT") * 100)
            except BlockingIOError:
                await asyncio.sleep(0.05)
            except ConnectionError:
                break
            await asyncio.sleep(0)
        assert time.monotonic() < began + 30, "it is still there"
        assert open_before == registry.get_sample_value("zeus_relay_connections_open")
        assert 200 == status_of(await exchange("127.0.0.1", port, get(PATH + b"?" + CALL)))
        deaf.close()


async def test_a_closed_connection_needs_no_garbage_collector(database_url: str) -> None:
    """Memory of a closed connection is released without the garbage collector, which runs rarely.

    A connection may hold 64 KiB, and a flood closes thousands.
    """

    def alive() -> int:
        return sum(isinstance(thing, ReceiverProtocol) for thing in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        async with receiver(database_url, allowed=OTHERS) as port:
            for request in (
                get(b"/healthz"),
                get(PATH + b"?" + CALL),
                b"no request\r\n\r\n",
                posting(GIGABYTE) + b"a" * 100_000,
            ):
                await converse(port, request)
            deadline = time.monotonic() + LINGER_SECONDS + 5
            while alive() and time.monotonic() < deadline:
                await asyncio.sleep(0.1)
            assert 0 == alive()
    finally:
        gc.enable()


class Held:
    """A connection as the limit sees it."""

    stranger = False
    charged = 0

    def drop(self) -> None:
        raise AssertionError("nobody has to go")


def test_what_connections_hold_together_is_bounded_and_short_calls_always_fit() -> None:
    limit, each = ConnectionLimit(100_000), 1024 * 1024
    large = [Held() for _ in range(SHARED_BYTES // each)]
    short, late = Held(), Held()
    for connection in (*large, short, late):
        assert limit.enter(connection)
    assert all(limit.holds(connection, FREE_BYTES + each) for connection in large)
    assert limit.holds(short, FREE_BYTES)
    assert not limit.holds(late, FREE_BYTES + 1)
    limit.leave(large[0])
    assert limit.holds(late, FREE_BYTES + each)
    assert limit.holds(large[1], 0)
    assert limit.holds(short, FREE_BYTES + each)
