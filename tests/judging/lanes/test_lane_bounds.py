"""Lane bounds: an old snapshot costs nothing, and no notice is skipped for good."""

import asyncio
import random
import re
import time
from contextlib import suppress
from uuid import UUID

import pytest
from sqlalchemy import text

from app.clock import now, uuid7
from app.db.connections import Connection, connect
from app.db.engine import Sessions
from app.db.lanes import LANES
from app.judging.judge import Judge
from app.judging.lanes.lane_bounds import LaneBounds
from app.judging.sql import TAKE, take_notices
from app.zeus.wire import encode

INSERT = """INSERT INTO notices (id, lane, received_at, source, method, target, headers, body)
VALUES ($1, $2, $3, '127.0.0.1', 'GET', $4, '', '')"""


def id_of(seconds_ago: float) -> UUID:
    """Return a UUIDv7 made some time ago, as by a receiver that spooled."""
    return UUID(int=int((time.time() - seconds_ago) * 1000) << 80 | uuid7().int & (1 << 80) - 1)


async def insert(connection: Connection, lane: int, seconds_ago: float = 0) -> UUID:
    notice_id = id_of(seconds_ago)
    query = encode({"order_no": str(notice_id), "status": "01", "money": "5400"})
    await connection.execute(INSERT, notice_id, lane, now(), b"/zeus/notify?" + query)
    return notice_id


async def unjudged(sessions: Sessions) -> int:
    async with sessions() as session:
        return int(
            (
                await session.execute(text("SELECT count(*) FROM notices WHERE verdict IS NULL"))
            ).scalar_one()
        )


async def judge_all(judge: Judge) -> int:
    judged = 0
    while batch := await judge.judge_batch():
        judged += batch
    return judged


async def pages_read(connection: Connection, bounds: list[UUID]) -> int:
    """Return the pages that the scan of all lanes reads from cache or disk."""
    query = TAKE.text.replace(":lanes", "$1").replace(":bounds", "$2").replace(":limit", "1")
    lines = [
        row[0]
        for row in await connection.fetch(
            f"EXPLAIN (ANALYZE, BUFFERS) {query}", list(range(LANES)), bounds
        )
    ]
    return sum(
        int(pages)
        for pages in re.findall(
            r"(?:hit|read)=(\d+)", next(line for line in lines if "Buffers" in line)
        )
    )


async def test_a_scan_does_not_read_what_an_old_snapshot_keeps(
    database_url: str, sessions: Sessions
) -> None:
    connection, holder = await connect(database_url), await connect(database_url)
    async with holder.transaction(isolation="repeatable_read", readonly=True):
        await holder.fetchval("SELECT 1 FROM notices")
        judge = Judge(sessions, [], on_events=lambda: None)
        for ago in range(3_000, 0, -1):
            await insert(connection, ago % 16, ago / 10)
        assert await judge_all(judge) == 3_000
        assert await judge.judge_batch() == 0
        without, bounded = (
            await pages_read(connection, [UUID(int=0)] * 16),
            await pages_read(connection, judge._bounds.ids),
        )
    assert without > 1_000, "the old snapshot keeps an entry for each judged notice"
    assert bounded < without / 20, f"{bounded} of {without}"
    await connection.close()
    await holder.close()


@pytest.mark.parametrize("seconds_ago", [0.5, 30, 3_600, 86_400 * 400])
async def test_a_notice_that_comes_late_is_found_by_the_next_sweep(
    database_url: str, sessions: Sessions, seconds_ago: float
) -> None:
    connection = await connect(database_url)
    judge = Judge(sessions, [], on_events=lambda: None)
    await insert(connection, 3)
    assert await judge_all(judge) == 1
    await insert(connection, 3, seconds_ago)
    async with asyncio.timeout(5):
        while not await judge.judge_batch():
            await asyncio.sleep(0.01)
    assert await unjudged(sessions) == 0
    await connection.close()


async def test_late_notices_widen_the_margin_until_a_scan_sees_them(
    database_url: str, sessions: Sessions
) -> None:
    """A receiver whose clock is 20 s behind is late once, and then within the margin."""
    connection = await connect(database_url)
    bounds = LaneBounds()
    await insert(connection, 5)
    async with sessions.begin() as session:
        await take_notices(session, range(LANES), bounds, 1)
    assert bounds.ids[6] > id_of(3)
    await insert(connection, 6, 20)
    async with asyncio.timeout(5):
        while bounds.ids[6] > id_of(19):
            async with sessions.begin() as session:
                await take_notices(session, range(LANES), bounds, 1)
    assert all(id_of(60) < each < id_of(19) for each in bounds.ids)
    await connection.close()


async def test_a_receiver_whose_clock_is_ahead_makes_no_other_notice_late(
    database_url: str, sessions: Sessions
) -> None:
    connection = await connect(database_url)
    bounds = LaneBounds()
    await insert(connection, 5, -3_600)
    async with sessions.begin() as session:
        await take_notices(session, range(LANES), bounds, 1)
    assert all(id_of(30) < each < id_of(1) for each in bounds.ids)
    await connection.close()


async def test_a_worker_that_has_seen_no_notice_skips_dead_entries_too(sessions: Sessions) -> None:
    """A worker that starts beside a million dead entries reads them once."""
    bounds = LaneBounds()
    async with sessions.begin() as session:
        await take_notices(session, range(LANES), bounds, 1)
    assert all(id_of(30) < each < id_of(1) for each in bounds.ids)


async def insert_late(database_url: str, random_: random.Random) -> None:
    """Insert by transactions that commit late, with old ids of a spool, and by releases."""
    connection = await connect(database_url)
    for _ in range(25):
        ago = random_.choice([0, 0, 0, 1, 5, 100, 100_000])
        async with connection.transaction():
            for _ in range(random_.randrange(1, 6)):
                await insert(connection, random_.randrange(16), ago)
            await asyncio.sleep(random_.choice([0, 0, 0, 0.05, 0.3, 3.0]) * random_.random())
        if random_.random() < 0.3:
            await connection.execute(
                "UPDATE notices SET verdict = NULL, released = true WHERE id IN "
                "(SELECT id FROM notices WHERE verdict IS NOT NULL ORDER BY random() LIMIT 3)"
            )
    await connection.close()


@pytest.mark.parametrize("held", [False, True])
async def test_no_notice_is_skipped_in_any_order_of_commits(
    database_url: str, sessions: Sessions, held: bool
) -> None:
    random_ = random.Random(held)
    holder = await connect(database_url)
    transaction = holder.transaction(isolation="repeatable_read", readonly=True)
    await transaction.start()
    if held:
        await holder.fetchval("SELECT 1 FROM notices")
    judges = [
        asyncio.create_task(judge_forever(Judge(sessions, [], on_events=lambda: None)))
        for _ in range(2)
    ]
    try:
        await asyncio.gather(*(insert_late(database_url, random_) for _ in range(6)))
        async with asyncio.timeout(20):
            while await unjudged(sessions):
                await asyncio.sleep(0.05)
    finally:
        for judging in judges:
            judging.cancel()
            with suppress(asyncio.CancelledError):
                await judging
        await transaction.rollback()
        await holder.close()
    async with sessions() as session:
        assert (
            await session.execute(text("SELECT count(DISTINCT notice_id) = count(*) FROM events"))
        ).scalar_one()


async def judge_forever(judge: Judge) -> None:
    while True:
        if not await judge.judge_batch():
            await asyncio.sleep(0.02)


def test_a_failed_sweep_is_not_retried_immediately() -> None:
    """A statement that ran into its time limit must not delay judging for ever."""
    bounds = LaneBounds()
    bounds.ids = [id_of(1)] * LANES
    assert set(bounds.starts(range(LANES)).values()) == {UUID(int=0)}
    assert bounds.starts(range(LANES)) == dict(enumerate(bounds.ids))
    bounds.learn(dict.fromkeys(range(LANES), UUID(int=0)), {}, 0.0, 0)
    assert set(bounds.starts(range(LANES)).values()) == {UUID(int=0)}


def test_long_sweeps_are_spread_over_several_scans() -> None:
    """Judging waits for a sweep: a scan sweeps as many lanes as its time allows, the next one
    others.
    """
    bounds = LaneBounds(sweep_s=0.0011)
    bounds.learn(bounds.starts(range(LANES)), {}, 0.004, int(time.time() * 1000))
    time.sleep(0.25)  # a sweep of all lanes takes 4 ms, 2 % of 200 ms
    scans = [_swept(bounds) for _ in range(5)]
    assert [len(lanes) for lanes in scans] == [4, 4, 4, 4, 0]
    assert set().union(*scans) == set(range(LANES))


def test_a_lane_is_swept_even_if_that_takes_longer_than_a_scan_should() -> None:
    bounds = LaneBounds(sweep_s=0.0001)
    bounds.learn(bounds.starts(range(LANES)), {}, 0.004, int(time.time() * 1000))
    time.sleep(0.25)
    assert [len(_swept(bounds)) for _ in range(LANES + 1)] == [1] * LANES + [0]


def _swept(bounds: LaneBounds) -> set[int]:
    return {lane for lane, start in bounds.starts(range(LANES)).items() if start == UUID(int=0)}
