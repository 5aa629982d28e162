"""Fairness: many calls of one order do not delay others, and each costs as much as the first."""

import random
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from app.clock import uuid7
from app.db.connections import HELD_TO_INDEXES
from app.db.engine import Sessions, make_engine, make_sessions
from app.judging import sql
from app.judging.batch import TakenNotice, known_before
from app.judging.judge import BATCH
from app.judging.lanes.fairness import CROWDED_FROM, LOOK_AHEAD
from app.judging.lanes.lane_bounds import LaneBounds
from app.judging.policy import Policy
from tests.judging.judging_setup import append, fetch, judge_all, judge_of, numbers_in_lane

LANE = 3
CROWDED, *OTHERS = numbers_in_lane(LANE, 60)


def call(order_no: str, status: str = "04") -> dict[str, str]:
    return {"order_no": order_no, "status": status, "money": "5400"}


async def batches_until_judged(sessions: Sessions, order_nos: list[str]) -> int:
    judge = judge_of(sessions)
    for number in range(1, 1000):
        await judge.judge_batch()
        if set(order_nos) <= set(await fetch(sessions, "SELECT order_no FROM orders")):
            return number
    raise AssertionError("never judged")


async def test_other_orders_do_not_wait_for_a_crowded_one(sessions: Sessions) -> None:
    crowded_calls = 8 * LOOK_AHEAD
    await append(sessions, *[call(CROWDED)] * crowded_calls)
    await append(sessions, *(call(order_no) for order_no in OTHERS))
    batches = await batches_until_judged(sessions, OTHERS)
    assert batches <= 1 + crowded_calls // LOOK_AHEAD
    [waiting] = await fetch(sessions, "SELECT count(*) FROM notices WHERE verdict IS NULL")
    assert waiting >= crowded_calls - batches * BATCH
    await judge_all(sessions)
    assert [("accepted", 1 + len(OTHERS)), ("duplicate", crowded_calls - 1)] == await fetch(
        sessions, "SELECT verdict, count(*) FROM notices GROUP BY verdict ORDER BY verdict"
    )


async def test_a_late_commit_behind_a_crowded_order_is_found_by_the_next_pass(
    sessions: Sessions,
) -> None:
    crowded_calls = 6 * LOOK_AHEAD
    await append(sessions, *[call(CROWDED)] * (BATCH + 1))
    between = uuid7()
    await append(sessions, *[call(CROWDED)] * (crowded_calls - BATCH - 1))
    judge = judge_of(sessions)
    await judge.judge_batch()
    await judge.judge_batch()
    async with sessions.begin() as session:
        await session.execute(
            text("""INSERT INTO notices (id, lane, received_at, source, method, target, headers,
                       body)
                    VALUES (:id, :lane, now(), '127.0.0.1', 'GET', :target, '', '')"""),
            {"id": between, "lane": LANE, "target": f"/?order_no={OTHERS[0]}&status=04".encode()},
        )
    for _ in range(1 + crowded_calls // LOOK_AHEAD):
        await judge.judge_batch()
    assert OTHERS[0] in await fetch(sessions, "SELECT order_no FROM orders")


async def test_each_order_keeps_its_sequence_beside_crowded_ones(sessions: Sessions) -> None:
    """Every order has the statuses 01, 04 and 05. A call judged out of order gets a flag."""
    dice = random.Random(7)
    lives = {order_no: ["01", "04", "05"] for order_no in OTHERS}
    calls: list[dict[str, str]] = []
    for _ in range(4):
        calls += [call(dice.choice(OTHERS[:3]), "01") for _ in range(2 * BATCH)]
        for order_no in dice.sample(OTHERS, 30):
            if lives[order_no]:
                calls.append(call(order_no, lives[order_no].pop(0)))
                calls += [call(CROWDED)] * dice.randrange(2 * CROWDED_FROM)
    for order_no, left in lives.items():
        calls += [call(order_no, status) for status in left]
    await append(sessions, *calls)
    await judge_all(sessions)
    lists = await fetch(
        sessions,
        "SELECT array_agg(status ORDER BY sequence) FROM events "
        f"WHERE status IS NOT NULL AND order_no <> '{CROWDED}' GROUP BY order_no",
    )
    assert [["01", "04", "05"]] * len(OTHERS) == lists
    assert [] == await fetch(
        sessions, f"SELECT flags FROM orders WHERE flags <> '{{}}' AND order_no <> '{CROWDED}'"
    )


async def test_a_short_queue_is_judged_in_order_of_arrival_alone(sessions: Sessions) -> None:
    await append(
        sessions, *[call(CROWDED)] * (CROWDED_FROM + 1), *(call(order_no) for order_no in OTHERS)
    )
    assert await judge_of(sessions).judge_batch() == CROWDED_FROM + 1 + len(OTHERS)


COUNT = text("""
SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_all_tables
  WHERE relname IN ('notices', 'events', 'orders')
""")


@pytest.fixture
async def workers(database_url: str) -> AsyncIterator[Sessions]:
    """Return sessions with the planner settings of a worker."""
    engine = make_engine(database_url, planner=HELD_TO_INDEXES)
    yield make_sessions(engine)
    await engine.dispose()


async def rows_read(workers: Sessions, *calls: dict[str, str]) -> int:
    """Return the rows of the large tables that are read before judging these calls, without the
    look whether each of them was judged meanwhile.
    """
    await append(workers, *calls)
    async with workers() as session:
        taken = [
            TakenNotice.of(notice)
            for notice in (await sql.take_notices(session, [LANE], LaneBounds(), BATCH)).notices
        ]
        assert len(taken) == len(calls)
        before = int(await session.scalar(COUNT))
        await known_before(session, taken, Policy())
        return int(await session.scalar(COUNT)) - before - len(calls)


MANY = 5_000


async def test_repetitions_of_a_status_read_no_earlier_calls(
    workers: Sessions, sessions: Sessions
) -> None:
    await append(sessions, call(CROWDED, "01"), call(CROWDED))
    await judge_all(sessions)
    await repeat(sessions, CROWDED, "04", MANY)
    assert await rows_read(workers, *[call(CROWDED)] * BATCH) < 20


async def test_the_last_call_of_a_status_is_found_from_the_end(
    workers: Sessions, sessions: Sessions
) -> None:
    await append(sessions, call(CROWDED, "01"), call(CROWDED))
    await judge_all(sessions)
    await repeat(sessions, CROWDED, "04", MANY)
    await append(sessions, call(CROWDED, "06"))
    await judge_all(sessions)
    await repeat(
        sessions, OTHERS[0], "01", MANY
    )  # the latest calls of all are those of another order
    assert await rows_read(workers, call(CROWDED)) < 20
    await judge_all(sessions)
    assert ["repeat_unclear"] == await fetch(
        sessions,
        "SELECT json_array_elements_text(data->'flags') FROM events WHERE status = '04' "
        "AND occurrence = 2",
    )


async def test_the_events_of_many_cycles_are_not_all_read(
    workers: Sessions, sessions: Sessions
) -> None:
    await append(sessions, call(CROWDED, "01"))
    await judge_all(sessions)
    async with sessions.begin() as session:
        await session.execute(
            text("""INSERT INTO events (id, type, order_no, status, occurrence, cycle, sequence,
                       created_at, data)
                    SELECT gen_random_uuid(), 'payment.received', :order_no,
                      CASE n % 2 WHEN 0 THEN '04' ELSE '06' END,
                      n / 2 + 1, n / 2 + 1, n + 2, now(), '{}'
                        FROM generate_series(0, :many) AS n"""),
            {"order_no": CROWDED, "many": 2 * MANY - 1},
        )
        await session.execute(
            text(
                "UPDATE orders SET status = '06', state = 'reversed', cycle = :many, sequence = "
                "2 * :many + 1"
            ),
            {"many": MANY},
        )
    assert await rows_read(workers, call(CROWDED)) < 40
    await judge_all(sessions)
    assert [(MANY + 1, MANY + 1, 2 * MANY + 2)] == await fetch(
        sessions, "SELECT occurrence, cycle, sequence FROM events ORDER BY sequence DESC LIMIT 1"
    )


async def repeat(sessions: Sessions, order_no: str, status: str, count: int) -> None:
    """Insert repetitions of a call that were judged before."""
    async with sessions.begin() as session:
        await session.execute(
            text("""INSERT INTO notices (id, lane, received_at, source, method, target, headers,
                       body, verdict, order_no, status)
                    SELECT :id, :lane, now(), '127.0.0.1', 'GET', '', '', '', 'duplicate',
                      :order_no, :status"""),
            [
                {"id": uuid7(), "lane": LANE, "order_no": order_no, "status": status}
                for _ in range(count)
            ],
        )
