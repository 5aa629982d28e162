"""Judge on a real database: writes of a batch, untouched rows, unwritable notices."""

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from app.clock import now, uuid7
from app.db.engine import Sessions
from app.judging.judge import Judge
from app.zeus.wire import encode


async def append(sessions: Sessions, *queries: bytes) -> None:
    """Insert notices as a receiver does, all in lane 0."""
    async with sessions.begin() as session:
        for query in queries:
            await session.execute(
                text("""INSERT INTO notices (id, lane, received_at, source, method, target,
                           headers, body)
                        VALUES (:id, 0, :at, '127.0.0.1', 'GET', :target, '', '')"""),
                {"id": uuid7(), "at": now(), "target": b"/zeus/notify?" + query},
            )


async def fetch(sessions: Sessions, query: str) -> list[dict[str, Any]]:
    async with sessions() as session:
        return [dict(row) for row in (await session.execute(text(query))).mappings()]


async def test_a_batch_writes_verdict_order_and_event_together(sessions: Sessions) -> None:
    woken: list[None] = []
    await append(
        sessions,
        encode(
            {
                "order_no": "1",
                "status": "04",
                "money": "5400",
                "username": "コンビニ　タロウ",
                "sendid": "A-1",
            }
        ),
    )
    assert await Judge(sessions, [], on_events=lambda: woken.append(None)).judge_batch() == 1
    assert len(woken) == 1
    [notice] = await fetch(sessions, "SELECT * FROM notices")
    assert (notice["verdict"], notice["order_no"], notice["status"]) == ("accepted", "1", "04")
    assert notice["parameters"]["username"] == "コンビニ　タロウ"
    [order] = await fetch(sessions, "SELECT * FROM orders")
    assert (order["state"], order["money"], order["sendid"], order["flags"]) == (
        "paid",
        5400,
        "A-1",
        ["gap"],
    )
    [event] = await fetch(sessions, "SELECT * FROM events")
    assert event["customer"] == {"name": "コンビニ　タロウ", "telno": None, "email": None}
    assert "コンビニ" not in str(event["data"])


async def test_without_work_no_worker_is_woken(sessions: Sessions) -> None:
    woken: list[None] = []
    judge = Judge(sessions, [], on_events=lambda: woken.append(None))
    assert await judge.judge_batch() == 0
    await append(sessions, b"status=04")
    assert await judge.judge_batch() == 1  # quarantined: an event for nobody
    assert woken == []


async def test_a_lane_that_another_worker_judges_is_skipped(sessions: Sessions) -> None:
    await append(sessions, b"order_no=1&status=01")
    async with sessions.begin() as other:
        await other.execute(text("SELECT pg_advisory_xact_lock(7236, 0)"))
        assert await Judge(sessions, [], on_events=lambda: None).judge_batch() == 0
    assert await Judge(sessions, [], on_events=lambda: None).judge_batch() == 1


async def test_a_refused_notice_is_quarantined_and_the_others_are_judged(
    sessions: Sessions,
) -> None:
    async with sessions.begin() as session:
        await session.execute(
            text("ALTER TABLE orders ADD CONSTRAINT no_order_2 CHECK (order_no <> '2')")
        )
    await append(
        sessions, b"order_no=1&status=01", b"order_no=2&status=01", b"order_no=3&status=01"
    )
    judge = Judge(sessions, [], on_events=lambda: None)
    while await judge.judge_batch():
        pass
    notices = await fetch(sessions, "SELECT * FROM notices ORDER BY id")
    assert ["accepted", "quarantined", "accepted"] == [notice["verdict"] for notice in notices]
    assert notices[1]["reasons"] == ["unwritable:23514"]
    assert ["1", "3"] == [
        event["order_no"]
        for event in await fetch(sessions, "SELECT order_no FROM events ORDER BY id")
    ]


async def test_the_first_wait_of_the_schedule_counts_from_the_event(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await session.execute(
            text(
                "INSERT INTO subscribers (id, name, url, customer, state) "
                "VALUES (:id, 'shop', 'https://shop.example', false, 'active')"
            ),
            {"id": uuid7()},
        )
    await append(sessions, b"order_no=1&status=01")
    await Judge(sessions, [], on_events=lambda: None, first_wait=timedelta(minutes=5)).judge_batch()
    [webhook] = await fetch(sessions, "SELECT due_at - created_at AS wait FROM outbound_webhooks")
    assert webhook["wait"] == timedelta(minutes=5)
