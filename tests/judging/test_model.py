"""Random orders, judged by workers that are killed at random, against a reference model."""

import asyncio
import random
from collections import defaultdict
from contextlib import suppress
from typing import Any

import pytest

from app.clock import now, uuid7
from app.db.connections import connect
from app.db.engine import Sessions, make_engine, make_sessions
from app.db.lanes import lane_of
from app.judging.judge import Judge
from app.recording.notice import RawNotice
from app.recording.postgres.appender import Appender
from app.zeus.wire import encode
from tests.judging.reference import COLUMNS, ReferenceCall, ReferenceOrder

ORDERS = 40
COURSES = [
    "01 04 05",
    "01 04 06",
    "01 04 06 04 05",
    "05 04 01",
    "06 04 05",
    "01 03 04",
    "01 11 12",
    "01 11 13 11 12",
    "02 04",
    "04 06 04 06 04 05",
]


def course_of(random_: random.Random, order_no: str) -> list[ReferenceCall]:
    """Return the calls of one order: a usual course with repeats, conflicts, disorder and noise."""
    statuses = random_.choice(COURSES).split()
    if random_.random() < 0.4:
        random_.shuffle(statuses)
    for _ in range(random_.randrange(4)):
        statuses.insert(random_.randrange(len(statuses) + 1), random_.choice(COLUMNS))
    calls: list[ReferenceCall] = []
    for status in statuses:
        repeats = random_.choice([1, 1, 1, 2, 3])
        for _ in range(repeats):
            money = "9999" if random_.random() < 0.1 else "5400"
            calls.append(ReferenceCall(order_no, status, money, answered=random_.random() < 0.7))
    return calls


def notice_of(call: ReferenceCall) -> RawNotice:
    query = encode({"order_no": call.order_no, "status": call.status, "money": call.money})
    return RawNotice(
        uuid7(),
        lane_of(call.order_no),
        now(),
        "127.0.0.1",
        "GET",
        b"/zeus/notify?" + query,
        b"",
        b"",
    )


async def append_all(database_url: str, calls: list[ReferenceCall], random_: random.Random) -> None:
    """Append in order, a few at a time, while the workers judge."""
    appender = Appender(database_url, on_commit=lambda: None)
    running = asyncio.create_task(appender.run())
    position = 0
    while position < len(calls):
        some = calls[position : position + random_.randrange(1, 9)]
        notices = [notice_of(call) for call in some]
        # The answer is recorded before the next call of the order, as Zeus waits for one answer
        # before its next call.
        for notice, call in zip(notices, some, strict=True):
            if call.answered:
                appender.answered(notice.id, now())
        await asyncio.gather(*(appender.append(notice) for notice in notices))
        position += len(some)
    await appender.drain()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def judge_until_done(sessions: Sessions, done: asyncio.Event) -> None:
    judge = Judge(sessions, [], on_events=lambda: None)
    while True:
        if not await judge.judge_batch():
            if done.is_set() and await unjudged(sessions) == 0:
                return
            await asyncio.sleep(0.005)


async def unjudged(sessions: Sessions) -> int:
    from sqlalchemy import text

    async with sessions() as session:
        return int(
            (
                await session.execute(text("SELECT count(*) FROM notices WHERE verdict IS NULL"))
            ).scalar_one()
        )


async def work_and_be_killed(
    database_url: str, done: asyncio.Event, random_: random.Random
) -> None:
    """Run a worker with its own engine, destroy it at random moments and start it again."""
    while True:
        engine = make_engine(database_url, pool_size=1)
        working = asyncio.create_task(judge_until_done(make_sessions(engine), done))
        finished, _ = await asyncio.wait([working], timeout=random_.uniform(0.005, 0.15))
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        await engine.dispose()
        if finished:
            return


@pytest.mark.parametrize("seed", range(6))
async def test_workers_that_are_killed_agree_with_the_reference(
    database_url: str, sessions: Sessions, seed: int
) -> None:
    random_ = random.Random(seed)
    courses = [course_of(random_, f"{seed}-{number:05}") for number in range(ORDERS)]
    reference: dict[str, ReferenceOrder] = defaultdict(ReferenceOrder)
    appended: list[ReferenceCall] = []
    while any(courses):
        calls = random_.choice([calls for calls in courses if calls])
        appended.append(calls.pop(0))
        reference[appended[-1].order_no].take(appended[-1])
    done = asyncio.Event()
    async with asyncio.TaskGroup() as workers:
        workers.create_task(work_and_be_killed(database_url, done, random.Random(seed + 1)))
        workers.create_task(work_and_be_killed(database_url, done, random.Random(seed + 2)))
        workers.create_task(judge_until_done(sessions, done))
        await append_all(database_url, appended, random_)
        done.set()
    connection = await connect(database_url)
    for order_no, expected in reference.items():
        verdicts = await connection.fetch(
            "SELECT verdict FROM notices WHERE order_no = $1 ORDER BY id", order_no
        )
        assert expected.verdicts == [row["verdict"] for row in verdicts], order_no
        assert expected.events == [_event(row) for row in await _events(connection, order_no)], (
            order_no
        )
        order = await connection.fetchrow(
            "SELECT status, cycle, sequence FROM orders WHERE order_no = $1", order_no
        )
        assert order is not None
        assert (expected.status, expected.cycle, len(expected.events)) == (
            order["status"],
            order["cycle"],
            order["sequence"],
        ), order_no
    await connection.close()


async def _events(connection: Any, order_no: str) -> list[Any]:
    return list(
        await connection.fetch(
            """SELECT type, occurrence, sequence, data->'order'->>'state' AS state,
                      array(SELECT json_array_elements_text(data->'flags')) AS flags
               FROM events WHERE order_no = $1 ORDER BY sequence""",
            order_no,
        )
    )


def _event(row: Any) -> tuple[str, int | None, int, str, tuple[str, ...]]:
    return row["type"], row["occurrence"], row["sequence"], row["state"], tuple(row["flags"])
