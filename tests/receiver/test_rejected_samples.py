"""Samples of rejected calls: kept within limits, and released afterwards."""

import asyncio
import ipaddress
import time
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from app.clock import uuid7
from app.db.connections import connect
from app.db.engine import Sessions
from app.db.lanes import lane_of
from app.judging.judge import Judge
from app.recording.notice import RawNotice
from app.recording.rejected.sampler import KEPT, SIZE_LIMIT, Sampler
from app.recording.rejected.store import UnknownSample, list_samples, release_sample
from tests.fair_clock import fair_seconds
from tests.raw_http import exchange, status_of
from tests.receiver.receiver_setup import CALL, LOOPBACK, PATH, fetch, get, post, receiver, stored

OTHERS = (ipaddress.ip_network("192.0.2.0/24"),)


async def samples_of(database_url: str, patience: float = 5) -> list[bytes]:
    """Return the targets of the samples once there is one."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if rows := await fetch(database_url, "SELECT target FROM rejected_samples ORDER BY id"):
            return [row["target"] for row in rows]
        await asyncio.sleep(0.05)
    return []


def notice(number: int, target: bytes = PATH + b"?" + CALL) -> RawNotice:
    return RawNotice(
        uuid7(), lane_of(str(number)), datetime.now(UTC), "198.51.100.1", "GET", target, b"", b""
    )


async def test_a_rejected_call_is_kept_released_and_judged(
    database_url: str, sessions: Sessions
) -> None:
    async with receiver(database_url, allowed=OTHERS) as port:
        assert status_of(await exchange("127.0.0.1", port, get(PATH + b"?" + CALL, b"X: y"))) == 403
        assert [PATH + b"?" + CALL] == await samples_of(database_url)
    async with sessions() as session:
        [sample] = await list_samples(session)
    assert ("GET", "127.0.0.1", b"X: y\r\n", b"") == (
        sample.method,
        sample.source,
        sample.headers,
        sample.body,
    )
    assert await stored(database_url) == []
    notice_id = await release_sample(sessions, sample.id)
    while await Judge(sessions, (), lambda: None).judge_batch():
        pass
    [kept] = await stored(database_url)
    assert (notice_id, "accepted", "1234-56789-01234", PATH + b"?" + CALL) == (
        kept["id"],
        kept["verdict"],
        kept["order_no"],
        kept["target"],
    )
    assert kept["received_at"] == sample.received_at
    assert kept["lane"] == lane_of("1234-56789-01234")
    with pytest.raises(UnknownSample):
        await release_sample(sessions, sample.id)
    assert len(await stored(database_url)) == 1


async def test_only_what_looks_like_a_call_of_zeus_is_kept(database_url: str) -> None:
    async with receiver(database_url, allowed=OTHERS) as port:
        for request in (
            get(PATH),
            get(PATH + b"?order_no=1"),
            get(PATH + b"?status=04"),
            get(PATH + b"?order_no=&status=04"),
            get(PATH + b"?" + CALL + b"&sendid=" + b"a" * SIZE_LIMIT),
            get(PATH + b"?" + CALL, method=b"PUT"),
            get(b"/elsewhere?" + CALL),
        ):
            assert status_of(await exchange("127.0.0.1", port, request)) in (403, 404)
        await exchange("127.0.0.1", port, post(CALL))
        assert [PATH] == await samples_of(database_url)


async def test_one_a_second_is_taken_and_the_newest_take_the_place_of_the_oldest(
    database_url: str,
) -> None:
    connection = await connect(database_url)
    await connection.execute(
        "INSERT INTO rejected_samples SELECT gen_random_uuid(), 0, now(), '198.51.100.1', "
        "'GET', '', '', '' FROM generate_series(1, 300)"
    )
    await connection.close()
    sampler = Sampler(database_url)
    running = asyncio.create_task(sampler.run())
    assert sampler.offer(notice(1))
    assert not sampler.offer(notice(2))
    assert not sampler.has_room()
    await asyncio.sleep(1.1)
    assert sampler.has_room()
    assert not sampler.offer(notice(3, b"a" * (SIZE_LIMIT + 1)))
    running.cancel()
    [row] = await fetch(database_url, "SELECT count(*) AS kept FROM rejected_samples")
    assert row["kept"] == KEPT


async def test_without_a_database_samples_are_dropped_and_nothing_waits() -> None:
    sampler = Sampler("postgresql://127.0.0.1:1/nowhere")
    running = asyncio.create_task(sampler.run())
    assert sampler.offer(notice(1))
    await asyncio.sleep(0.2)
    assert not running.done()
    running.cancel()


async def test_releasing_what_is_not_there_says_so(sessions: Sessions) -> None:
    with pytest.raises(UnknownSample):
        await release_sample(sessions, uuid4())


async def test_a_flood_of_strangers_neither_fills_the_tables_nor_keeps_a_call_waiting(
    database_url: str,
) -> None:
    allowed = (ipaddress.ip_network("127.0.0.1/32"),)

    async def stranger(number: int) -> None:
        for _ in range(150):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=("127.0.0.2", 0)
            )
            writer.write(get(PATH + b"?order_no=%d&status=04" % number))
            assert (await reader.read()).startswith(b"HTTP/1.1 403")
            writer.close()

    async with receiver(database_url, allowed=allowed) as port:
        flood = asyncio.gather(*(stranger(number) for number in range(20)))
        started = time.monotonic()
        waits = []
        while not flood.done():
            before = fair_seconds()
            assert status_of(await exchange("127.0.0.1", port, get(PATH + b"?" + CALL))) == 200
            waits.append(fair_seconds() - before)
        await flood
        seconds = time.monotonic() - started
    assert max(waits) < 2
    assert len(waits) == len(await stored(database_url))
    assert 1 <= len(await samples_of(database_url)) <= seconds + 1


async def test_in_observe_mode_a_stranger_is_recorded(database_url: str) -> None:
    async with receiver(database_url, allowed=OTHERS, observe=True) as port:
        assert status_of(await exchange("127.0.0.1", port, get(PATH + b"?" + CALL))) == 200
    async with receiver(database_url, allowed=OTHERS, trusted=LOOPBACK, observe=True) as port:
        assert (
            status_of(
                await exchange(
                    "127.0.0.1", port, get(PATH + b"?" + CALL, b"X-Forwarded-For: unknown")
                )
            )
            == 200
        )
    assert ["127.0.0.1", "127.0.0.1"] == [
        notice["address"] for notice in await stored(database_url)
    ]
