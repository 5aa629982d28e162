"""Feed positions: visible in ascending order, also with slow and frozen workers."""

import asyncio
import json
import random
from datetime import timedelta
from time import monotonic

import pytest
from sqlalchemy import text

from app.clock import now, uuid7
from app.db.connections import Connection, connect
from app.db.engine import Sessions, make_engine, make_sessions
from app.judging.statements.writing import WRITE_WITH_EVENTS, JudgedRows, write_rows

WORKERS = 6
BATCHES = 40


def row(number: int) -> dict[str, object]:
    return {
        "id": uuid7(),
        "type": "payment.received",
        "order_no": f"o-{number}",
        "sequence": 1,
        "created_at": now(),
        "data": {},
    }


async def write_batch(sessions: Sessions, numbers: list[int], pause: float) -> None:
    """Do the end of a batch with a slow commit."""
    async with sessions.begin() as session:
        events = [row(number) for number in numbers]
        await write_rows(session, JudgedRows(events=events), timedelta(0))
        await asyncio.sleep(pause)


async def work(database_url: str, numbers: list[int], random_: random.Random) -> None:
    engine = make_engine(database_url, pool_size=1)
    sessions = make_sessions(engine)
    while numbers:
        some = [numbers.pop() for _ in range(min(random_.randrange(1, 5), len(numbers)))]
        await asyncio.sleep(random_.uniform(0, 0.004))
        await write_batch(sessions, some, random_.uniform(0, 0.006))
    await engine.dispose()


async def read_on(connection: Connection, seen: list[int], *, until_s: asyncio.Event) -> None:
    """Poll as a reader of the feed does: after the last position seen."""
    while True:
        last = until_s.is_set()
        rows = await connection.fetch(
            "SELECT position FROM events WHERE position > $1 ORDER BY position LIMIT 7",
            seen[-1] if seen else 0,
        )
        seen.extend(row["position"] for row in rows)
        if last and not rows:
            return


@pytest.mark.parametrize("seed", range(3))
async def test_a_reader_misses_nothing_and_sees_nothing_twice(database_url: str, seed: int) -> None:
    random_ = random.Random(seed)
    numbers = list(range(BATCHES * WORKERS))
    connection = await connect(database_url)
    seen: list[int] = []
    done = asyncio.Event()
    reading = asyncio.create_task(read_on(connection, seen, until_s=done))
    await asyncio.gather(*(work(database_url, numbers, random_) for _ in range(WORKERS)))
    done.set()
    await reading
    committed = [
        row["position"]
        for row in await connection.fetch("SELECT position FROM events ORDER BY position")
    ]
    assert BATCHES * WORKERS == len(committed)
    assert committed == seen
    await connection.close()


async def test_events_of_one_batch_stand_in_their_order(sessions: Sessions) -> None:
    await write_batch(sessions, list(range(50)), 0)
    async with sessions() as session:
        found = (await session.scalars(text("SELECT order_no FROM events ORDER BY position"))).all()
    assert [f"o-{number}" for number in range(50)] == list(found)


async def test_a_worker_that_freezes_with_the_feed_lock_loses_it(
    database_url: str, sessions: Sessions
) -> None:
    frozen = await connect(database_url)
    await frozen.execute("BEGIN")
    # Judging's own statement, sent by a client that then hangs.
    statement = WRITE_WITH_EVENTS.text
    events = json.dumps([row(1)], default=str)
    values = {"orders": "[]", "verdicts": "[]", "events": events, "types": "{}", "delay": "0"}
    for name, value in values.items():
        statement = statement.replace(f":{name} ", f"'{value}' ")
    await frozen.execute(statement)
    started = monotonic()
    async with asyncio.timeout(20):
        await write_batch(sessions, [2], 0)
    assert monotonic() - started > 3  # it did hold the lock
    async with sessions() as session:
        assert ["o-2"] == list((await session.scalars(text("SELECT order_no FROM events"))).all())
    frozen.terminate()
