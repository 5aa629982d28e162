"""Timers: presumed expiry, overdue confirmations, second looks; once, whoever runs them."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.clock import now
from app.db.engine import Sessions
from app.judging.timers import TimerOptions, Timers
from tests.judging.judging_setup import append, fetch, judge_all

PAST, FAR = "20261101", "20991231"
AT_ONCE = TimerOptions(confirmation_due=timedelta(0))


def timers_of(sessions: Sessions, options: TimerOptions | None = None) -> Timers:
    return Timers(sessions, options or TimerOptions(), lambda: None)


async def run_all(sessions: Sessions, options: TimerOptions | None = None) -> int:
    timers, handled = timers_of(sessions, options), 0
    while some := await timers.run_batch():
        handled += some
    return handled


def call(order_no: str, status: str, **values: str) -> dict[str, str]:
    return {"order_no": order_no, "status": status, "money": "5400", **values}


async def types(sessions: Sessions, order_no: str = "A") -> list[str]:
    query = f"SELECT type FROM events WHERE order_no = '{order_no}' ORDER BY sequence"
    return await fetch(sessions, query)


async def test_a_passed_deadline_is_presumed_once(sessions: Sessions) -> None:
    await append(sessions, call("A", "01", pay_limit=PAST))
    await judge_all(sessions)
    assert 1 == await run_all(sessions)
    assert 0 == await run_all(sessions)
    assert ["order.accepted", "order.expiry_presumed"] == await types(sessions)
    assert [("expiry_presumed", "01", 2)] == await fetch(
        sessions, "SELECT state, status, sequence FROM orders"
    )
    [data] = await fetch(sessions, "SELECT data FROM events WHERE status IS NULL")
    assert ("timer", None, None) == (data["source"], data["notice_id"], data["received_at"])
    assert ("expiry_presumed", 5400) == (data["order"]["state"], data["money"])


@pytest.mark.parametrize("pay_limit", [FAR, "", "soon", "20269999"])
async def test_without_a_passed_deadline_nothing_is_presumed(
    sessions: Sessions, pay_limit: str
) -> None:
    await append(sessions, call("A", "01", pay_limit=pay_limit))
    await judge_all(sessions)
    assert 0 == await run_all(sessions)


async def test_a_day_ends_at_midnight_in_japan_plus_the_grace(sessions: Sessions) -> None:
    async with sessions() as session:
        query = "SELECT to_char(now() AT TIME ZONE 'Asia/Tokyo' - interval '1 day', 'YYYYMMDD')"
        yesterday = str(await session.scalar(text(query)))
    await append(sessions, call("A", "01", pay_limit=yesterday))
    await judge_all(sessions)
    assert 0 == await run_all(sessions, TimerOptions(expiry_grace=timedelta(hours=24)))
    assert 1 == await run_all(sessions, TimerOptions(expiry_grace=timedelta(0)))


@pytest.mark.parametrize(
    ("status", "state"), [("03", "expired"), ("04", "paid"), ("11", "paid_after_cancel")]
)
async def test_a_late_call_is_what_it_would_have_been(
    sessions: Sessions, status: str, state: str
) -> None:
    await append(sessions, call("A", "01", pay_limit=PAST))
    await judge_all(sessions)
    await run_all(sessions)
    await append(sessions, call("A", status))
    await judge_all(sessions)
    assert [(state, [])] == await fetch(sessions, "SELECT state, flags FROM orders")
    assert [] == await fetch(sessions, "SELECT id FROM reviews")


async def test_an_overdue_confirmation_is_told_once_and_settles_by_itself(
    sessions: Sessions,
) -> None:
    await append(sessions, call("A", "01"), call("A", "04"))
    await judge_all(sessions)
    assert 0 == await run_all(sessions)
    assert 1 == await run_all(sessions, AT_ONCE)
    assert 0 == await run_all(sessions, AT_ONCE)
    assert [("confirmation_overdue", None)] == await fetch(
        sessions, "SELECT reason, settled_by FROM reviews"
    )
    await append(sessions, call("A", "05"))
    await judge_all(sessions)
    assert ["zeus-relay"] == await fetch(sessions, "SELECT settled_by FROM reviews")
    after = ["payment.confirmed", "review.settled", "order.released"]
    assert after == (await types(sessions))[3:]


async def test_a_call_that_is_not_judged_yet_comes_first(sessions: Sessions) -> None:
    await append(sessions, call("A", "01", pay_limit=PAST))
    await judge_all(sessions)
    await append(sessions, call("A", "04"))
    assert 0 == await run_all(sessions)
    await judge_all(sessions)
    assert 0 == await run_all(sessions)
    assert ["order.accepted", "payment.received"] == await types(sessions)


async def test_two_workers_make_each_event_once(sessions: Sessions) -> None:
    numbers = [f"N-{number}" for number in range(150)]
    await append(sessions, *(call(number, "01", pay_limit=PAST) for number in numbers))
    await judge_all(sessions)
    workers = [timers_of(sessions) for _ in range(2)]
    for _ in range(60):
        await asyncio.gather(*(worker.run_batch() for worker in workers))
    counted = "SELECT count(*), count(DISTINCT order_no) FROM events WHERE status IS NULL"
    assert [(150, 150)] == await fetch(sessions, counted)


async def test_nothing_is_presumed_while_clocks_disagree(sessions: Sessions) -> None:
    await append(sessions, call("A", "01", pay_limit=PAST))
    await judge_all(sessions)
    ahead = Timers(
        sessions, TimerOptions(), lambda: None, clock=lambda: now() + timedelta(days=400)
    )
    assert 0 == await ahead.run_batch()
    assert 1 == await run_all(sessions)


async def test_a_reversed_relative_settles_paid_twice_and_releases(sessions: Sessions) -> None:
    def of(order_no: str, status: str) -> dict[str, str]:
        return call(order_no, status, sendid="S", clientip="2012000001")

    await append(sessions, of("A", "01"), of("B", "01"), of("A", "04"), of("B", "04"))
    await append(sessions, of("B", "05"))
    await judge_all(sessions)
    assert [("paid_twice", "B", "A")] == await fetch(
        sessions, "SELECT reason, order_no, related_order_no FROM reviews"
    )
    assert "order.released" not in await types(sessions, "B")
    await append(sessions, of("A", "06"))
    await judge_all(sessions)
    assert 1 == await run_all(sessions)
    assert 0 == await run_all(sessions)
    assert ["review.settled", "order.released"] == (await types(sessions, "B"))[-2:]
