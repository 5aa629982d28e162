"""Slow and idle connections: closed in time, bounded in number, and no burden to others."""

import asyncio
import ipaddress
import time
from collections.abc import Sequence

from app.receiver.http.connection_limit import STRANGER_SECONDS
from app.receiver.http.limits import BODY_SECONDS, HEAD_SECONDS
from tests.fair_clock import fair_seconds
from tests.raw_http import exchange, status_of
from tests.receiver.receiver_setup import CALL, PATH, get, receiver, stored

LOCAL = (ipaddress.ip_network("127.0.0.1/32"),)
STRANGER = ("127.0.0.2", 0)

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def closed_after(port: int, beginning: bytes, drop: bytes = b"") -> float:
    """Return the seconds until the receiver closes on a sender of `beginning` and then of `drop`
    repeatedly.
    """
    started = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(beginning)
    reading = asyncio.create_task(reader.read())
    while not reading.done():
        if drop:
            writer.write(drop)
        await asyncio.sleep(0.2)
    assert await reading == b""
    writer.close()
    return time.monotonic() - started


async def strange_connection(port: int) -> Connection:
    return await asyncio.open_connection("127.0.0.1", port, local_addr=STRANGER)


def gone(connections: Sequence[Connection]) -> list[bool]:
    """Return those that the server has closed."""
    return [reader.at_eof() or reader.exception() is not None for reader, _ in connections]


async def test_slow_senders_are_given_up_in_time_while_others_are_answered(
    database_url: str,
) -> None:
    async with receiver(database_url, allowed=LOCAL) as port:
        post = get(PATH, b"Content-Length: 5000", method=b"POST")
        slow = asyncio.gather(
            closed_after(port, b""),
            closed_after(port, b"GET /zeus/not", b"i"),
            closed_after(port, b"GET /zeus/notify HTTP/1.1\r\nX: ", b"y"),
            closed_after(port, post + b"order_no=", b"1"),
        )
        waits = []
        while not slow.done():
            started = fair_seconds()
            assert status_of(await exchange("127.0.0.1", port, get(PATH + b"?" + CALL))) == 200
            waits.append(fair_seconds() - started)
            await asyncio.sleep(0.5)
        *heads, body = await slow
    assert all(HEAD_SECONDS - 0.5 < seconds < HEAD_SECONDS + 4 for seconds in heads), heads
    assert BODY_SECONDS - 0.5 < body < BODY_SECONDS + 4
    assert max(waits) < 2
    assert len(waits) == len(await stored(database_url))


async def test_when_all_places_are_taken_the_oldest_idle_connection_gives_way(
    database_url: str,
) -> None:
    async with receiver(database_url, allowed=LOCAL, descriptors=200) as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(300)]
        assert status_of(await exchange("127.0.0.1", port, get(PATH + b"?" + CALL))) == 200
        closed = gone(idle)
        assert closed == sorted(closed, reverse=True)
        assert 200 <= sum(closed) <= 202
        _, latest = idle[-1]
        latest.write(get(PATH + b"?" + CALL))
        assert (await idle[-1][0].read()).startswith(b"HTTP/1.1 200")
        for _, writer in idle:
            writer.close()


async def test_strangers_have_few_places_and_allowed_sources_the_rest(database_url: str) -> None:
    async with receiver(database_url, allowed=LOCAL, descriptors=200) as port:
        strangers = [await strange_connection(port) for _ in range(60)]
        await asyncio.sleep(0.3)
        assert gone(strangers) == [False] * 25 + [True] * 35, "in a flood most are refused"
        assert status_of(await exchange("127.0.0.1", port, get(PATH + b"?" + CALL))) == 200
        await asyncio.sleep(STRANGER_SECONDS)
        others = [await strange_connection(port) for _ in range(20)]
        await asyncio.sleep(0.3)
        assert gone(strangers[:25] + others) == [True] * 20 + [False] * 25, (
            "later the one that has waited longest gives way"
        )
        probe, _ = others[-1]
        others[-1][1].write(get(b"/readyz"))
        assert status_of(await probe.read()) == 200, "so that a load balancer can ask"
        for _, writer in strangers + others:
            writer.close()


async def test_a_stranger_takes_no_place_from_an_allowed_source(database_url: str) -> None:
    async with receiver(database_url, allowed=LOCAL, descriptors=200) as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
        await asyncio.sleep(STRANGER_SECONDS + 0.3)
        stranger = await strange_connection(port)
        await asyncio.sleep(0.3)
        assert gone([*idle, stranger]) == [False] * 100 + [True]
        for _, writer in [*idle, stranger]:
            writer.close()
