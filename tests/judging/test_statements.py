"""Statements of a batch: how many there are, what leases webhooks, and what another worker took."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import TextClause, text

from app.crypto.vault import Vault
from app.db.connections import connect
from app.db.driver.direct import Direct, direct_transaction
from app.db.engine import Sessions
from app.db.notify import NOTICES, NotifyListener
from app.forwarding.immediate_leases import ImmediateLeases, Room
from app.forwarding.webhook import ClaimedWebhook
from app.judging import sql
from app.judging.batch import TakenNotice, known_before
from app.judging.judge import BATCH, Judge
from app.judging.lanes.lane_bounds import LaneBounds
from app.judging.policy import Policy
from app.worker.judging_loop import JudgingLoop
from tests.forwarding.delivery_setup import KEY, DeliverySetup
from tests.forwarding.test_immediate_leases import proven
from tests.judging.judging_setup import append, fetch, judge_all, judge_of, numbers_in_lane

PAID = {"status": "04", "money": "5400", "sendid": "A-1001", "clientip": "2012000001"}


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets the beginning of every statement."""
    seen: list[str] = []
    real = Direct.execute

    async def execute(direct: Direct, statement: TextClause, *arguments: Any) -> Any:
        seen.append(statement.text.strip()[:20])
        return await real(direct, statement, *arguments)

    monkeypatch.setattr(Direct, "execute", execute)
    return seen


async def test_a_batch_of_new_orders_takes_three_statements(
    sessions: Sessions, statements: list[str]
) -> None:
    for number in range(8):
        await append(sessions, {"order_no": f"A-{number}", "status": "01", "money": "5400"})
    judge = judge_of(sessions)
    assert await judge.judge_batch()
    assert ["WITH found AS MATERI", "WITH known AS MATERI", "WITH orders_written "] == statements


async def test_a_payment_looks_again_under_the_lock_of_its_purchase(
    sessions: Sessions, statements: list[str]
) -> None:
    await append(sessions, {"order_no": "A-1", **PAID})
    await judge_of(sessions).judge_batch()
    assert ["SELECT pg_advisory_x", "SELECT 'relative' AS"] == statements[2:4]


async def test_webhooks_are_leased_by_the_statement_that_writes(
    sessions: Sessions, database_url: str
) -> None:
    setup = DeliverySetup(sessions, database_url, Vault([KEY]))
    ready, slow = await proven(setup), await proven(setup, rate_limit=5)
    sent: list[ClaimedWebhook] = []
    woken: list[bool] = []

    def send(webhooks: Sequence[ClaimedWebhook]) -> None:
        sent.extend(webhooks)

    leases = ImmediateLeases(lambda: Room(10, {}, timedelta(seconds=60)), send)
    judge = Judge(sessions, [], on_events=lambda: woken.append(True), leases=leases)
    await append(sessions, {"order_no": "A-1", **PAID}, {"order_no": "B-1", "status": "01"})
    while await judge.judge_batch():
        pass
    assert {("A-1", ready), ("B-1", ready)} == {
        (webhook.data.partition('"order_no":')[2][:6].strip(' ",'), webhook.target.subscriber_id)
        for webhook in sent
    }
    pending = "SELECT subscriber_id FROM outbound_webhooks WHERE lease_token IS NULL"
    assert [slow, slow] == await fetch(sessions, pending)
    assert woken


async def test_notices_that_another_worker_judged_before_the_lock_are_left_out(
    sessions: Sessions,
) -> None:
    await append(sessions, {"order_no": "A-1", "status": "01"}, {"order_no": "A-1", **PAID})
    async with direct_transaction(sessions) as early:
        taken = [
            TakenNotice.of(notice)
            for notice in (await sql.take_notices(early, range(16), LaneBounds(), BATCH)).notices
        ]
    assert 2 == len(taken)
    await judge_all(sessions)
    async with direct_transaction(sessions) as late:
        left, known = await known_before(late, taken, Policy())
    assert [] == left
    assert ["A-1"] == list(known.orders)


async def test_a_notice_that_was_released_since_is_left_for_the_next_batch(
    sessions: Sessions,
) -> None:
    await append(sessions, {"order_no": "A-1", "status": "01"})
    async with direct_transaction(sessions) as early:
        [notice] = (await sql.take_notices(early, range(16), LaneBounds(), BATCH)).notices
    async with sessions.begin() as session:
        await session.execute(
            text("UPDATE notices SET released = true WHERE id = :id"), {"id": notice.id}
        )
    async with direct_transaction(sessions) as late:
        left, _ = await known_before(late, [TakenNotice.of(notice)], Policy())
    assert [] == left


async def test_a_batch_knows_whether_it_took_everything(sessions: Sessions) -> None:
    judge = judge_of(sessions)
    await append(sessions, {"order_no": "A-1", "status": "01"})
    assert await judge.judge_batch()
    assert judge.has_finished
    full = numbers_in_lane(3, BATCH)
    await append(sessions, *({"order_no": number, "status": "01"} for number in full))
    assert await judge.judge_batch()
    assert not judge.has_finished
    for lane in range(5):
        await append(sessions, {"order_no": numbers_in_lane(lane, BATCH + 1)[-1], "status": "01"})
    assert await judge.judge_batch()
    assert not judge.has_finished


async def test_a_lane_that_another_worker_holds_is_not_everything(
    sessions: Sessions, database_url: str
) -> None:
    [held], [free] = numbers_in_lane(3, 1), numbers_in_lane(4, 1)
    await append(sessions, {"order_no": held, "status": "01"}, {"order_no": free, "status": "01"})
    judge = judge_of(sessions)
    async with direct_transaction(sessions) as other:
        await sql.lock_more_lanes(other, {3})
        assert 1 == await judge.judge_batch()
        assert not judge.has_finished
    assert 1 == await judge.judge_batch()
    assert judge.has_finished


async def test_a_call_is_taken_once_and_the_next_one_wakes_the_loop(
    sessions: Sessions, database_url: str, statements: list[str]
) -> None:
    listener = NotifyListener(database_url, (NOTICES,))
    loop = JudgingLoop(judge_of(sessions), listener)
    running = asyncio.create_task(loop.run())
    connection = await connect(database_url)
    for number in range(3):
        await append(sessions, {"order_no": f"A-{number}", "status": "01"})
        listener.wake(NOTICES)
        async with asyncio.timeout(10):
            while not await connection.fetchval(
                "SELECT true FROM orders WHERE order_no = $1", f"A-{number}"
            ):
                await asyncio.sleep(0.01)
    loop.stop()
    await running
    await connection.close()
    assert 3 == statements.count("WITH orders_written ")
    assert statements.count("WITH found AS MATERI") <= 6
