"""Orders that share one sendid, judged by several workers: told once, and pairs once."""

import asyncio

import pytest

from app.db.engine import make_engine, make_sessions
from tests.judging.judging_setup import append, fetch, judge_of

WORKERS = 4


async def judge_together(url: str) -> None:
    """Let several workers judge until nothing is left."""

    async def work() -> None:
        engine = make_engine(url, pool_size=1)
        judge = judge_of(make_sessions(engine))
        while await judge.judge_batch():
            pass
        await engine.dispose()

    await asyncio.gather(*(work() for _ in range(WORKERS)))


@pytest.mark.parametrize("attempt", range(5))
async def test_many_orders_of_one_sendid_are_told_once(database_url: str, attempt: int) -> None:
    engine = make_engine(database_url)
    sessions = make_sessions(engine)
    orders = [
        {"order_no": f"{attempt}-{number}", "status": "01", "sendid": "S"} for number in range(60)
    ]
    for group in (orders[:9], orders[9:]):  # those judged together pass the limit
        await append(sessions, *group)
        await judge_together(database_url)
    told = await fetch(
        sessions, "SELECT data->'review'->>'id' FROM events WHERE occurrence IS NULL"
    )
    assert told == [str(one) for one in await fetch(sessions, "SELECT id FROM reviews")]
    assert 1 == len(told)
    await engine.dispose()
