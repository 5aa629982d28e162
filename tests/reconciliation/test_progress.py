"""Reconciliations on a real database: outcomes, healing, crashes and several workers."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.db.connections import HELD_TO_INDEXES
from app.db.engine import make_engine, make_sessions
from app.reconciliation.progress import advance
from app.reconciliation.pruning import prune_reconciliations
from tests.operations.operations_setup import OperationsSetup
from tests.reconciliation.files import PATH, export, finish, load, outcomes, reconciled

HEALED = "SELECT * FROM notices WHERE origin = 'reconciliation' ORDER BY id"


async def _orders(setup: OperationsSetup, *order_nos: str, status: str = "01") -> None:
    for order_no in order_nos:  # one after the other: created in this order
        await setup.judged(status, order_no=order_no)


async def test_each_order_has_its_outcome(setup: OperationsSetup) -> None:
    await _orders(setup, "A-1", "A-2", "A-3", "A-4", "A-5")
    assert {
        "A-1": "agrees",
        "A-2": "behind",
        "A-3": "amount_differs",
        "A-4": "unknown_there",
        "A-5": "agrees",
        "B-1": "unknown_here",
    } == await reconciled(
        setup,
        "A-1,未入金,5400",
        "A-2,入金済,5400",
        "A-3,未入金,300",
        "A-5,キャンセル,5400",
        "B-1,入金済,5400",
    )
    [row] = await setup.rows("SELECT * FROM reconciliations")
    assert ("done", 5, 5, 0) == (row.state, row.total, row.compared, row.healed)
    counts = (row.agrees, row.unknown_here, row.behind, row.amount_differs, row.unknown_there)
    assert (2, 1, 1, 1, 1) == counts
    assert row.finished_at is not None
    assert [] == await setup.rows(HEALED)


async def test_orders_before_and_after_the_file_are_not_missed(setup: OperationsSetup) -> None:
    await _orders(setup, "A-1", "A-2", "A-3", "A-4", "A-5")
    found = await reconciled(setup, "A-4,未入金,5400", "A-2,未入金,5400")
    assert {"A-4": "agrees", "A-2": "agrees", "A-3": "unknown_there"} == found


async def test_healing_makes_the_calls_that_are_lacking(setup: OperationsSetup) -> None:
    await setup.add()
    await _orders(setup, "A-1", "A-2")
    lines = ("A-1,入金済,5400", "B-1,売上確定,300", "A-2,未入金,1", "B-2,番組停止,1")
    await reconciled(setup, *lines, heal=True)
    behind, unknown = await setup.rows(HEALED)
    assert ("0.0.0.0", b"", b"") == (str(behind.source), behind.headers, behind.body)
    assert unknown.target == PATH.encode() + b"?money=300&order_no=B-1&status=05"
    await setup.judge()
    events = await setup.rows("SELECT * FROM events WHERE type LIKE 'payment.%' ORDER BY position")
    assert [("A-1", "payment.received"), ("B-1", "payment.confirmed")] == [
        (event.order_no, event.type) for event in events
    ]
    paid = events[0].data
    assert ("reconciliation", 5400, "A-1001", "2012000001") == tuple(
        paid[name] for name in ("source", "money", "sendid", "clientip")
    )
    assert {"A-1": "agrees", "B-1": "agrees", "A-2": "amount_differs", "B-2": "unknown_here"} == (
        await reconciled(setup, *lines, heal=True)
    )
    assert 2 == len(await setup.rows(HEALED))


async def test_healing_again_before_judging_makes_no_second_notice(setup: OperationsSetup) -> None:
    lines = ("B-1,入金済,5400", "B-1,入金済,5400", "B-2,入金済,5400")
    for _ in range(2):
        await reconciled(setup, *lines, heal=True)
    assert 2 == len(await setup.rows(HEALED))
    assert [3, 3] == [row.healed for row in await setup.rows("SELECT healed FROM reconciliations")]
    await setup.judge()
    assert ["accepted"] * 2 == [row.verdict for row in await setup.rows(HEALED)]


async def test_two_files_at_once_heal_an_order_once(setup: OperationsSetup) -> None:
    jobs = [await load(setup, export("B-1,入金済,5400"), heal=True) for _ in range(2)]
    await asyncio.gather(*(finish(setup, job) for job in jobs))
    assert 1 == len(await setup.rows(HEALED))


async def test_the_call_that_comes_after_all_is_a_duplicate(setup: OperationsSetup) -> None:
    await _orders(setup, "A-1")
    await reconciled(setup, "A-1,入金済,5400", heal=True)
    await setup.judge()
    await setup.judged("04", order_no="A-1")
    [late] = await setup.rows("SELECT verdict FROM notices ORDER BY id DESC LIMIT 1")
    assert "duplicate" == late.verdict


async def test_an_order_made_by_healing_does_not_stretch_the_time_of_a_file(
    setup: OperationsSetup,
) -> None:
    await _orders(setup, "A-1", "A-2")
    lines = ("A-1,未入金,5400", "A-2,未入金,5400", "B-1,入金済,5400")
    await _orders(setup, "C-1")  # after the export
    await reconciled(setup, *lines, heal=True)
    await setup.judge()
    assert "C-1" not in await reconciled(setup, *lines)
    await _orders(setup, "C-2")
    found = await reconciled(setup, "C-1,未入金,5400", "C-2,未入金,5400")
    assert {"C-1": "agrees", "C-2": "agrees"} == found


async def test_a_payment_after_a_reversal_is_told_and_not_invented(setup: OperationsSetup) -> None:
    await setup.judged("01", "04", "06", order_no="A-1")
    assert {"A-1": "behind"} == await reconciled(setup, "A-1,入金済,5400", heal=True)
    assert [] == await setup.rows(HEALED)


async def test_a_contradiction_becomes_a_review_once(setup: OperationsSetup) -> None:
    await setup.judged("01", "04", "05", order_no="A-1")
    assert {"A-1": "behind"} == await reconciled(setup, "A-1,入金取消,5400", heal=True)
    await setup.judge()
    [review] = await setup.rows("SELECT reason FROM reviews")
    assert "contradiction" == review.reason
    assert {"A-1": "agrees"} == await reconciled(setup, "A-1,入金取消,5400", heal=True)
    assert 1 == len(await setup.rows(HEALED))


async def test_numbers_of_any_letters_come_back_from_the_notice(setup: OperationsSetup) -> None:
    order_no = "注文 №1"
    await finish(
        setup, await load(setup, export(f"{order_no},入金済,1", encoding="utf-8"), heal=True)
    )
    await setup.judge()
    [notice] = await setup.rows(HEALED)
    assert order_no == notice.order_no


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 100])
async def test_every_size_of_batch_gives_the_same(setup: OperationsSetup, batch: int) -> None:
    await _orders(setup, *(f"A-{number}" for number in range(1, 7)))
    lines = ("A-1,未入金,5400", "A-6,入金済,5400", "B-1,入金済,5400", "B-1,入金済,5400")
    job_id = await load(setup, export(*lines), heal=True)
    row = await finish(setup, job_id, batch=batch)
    assert (4, 1, 2, 1, 4, 3) == (
        row.compared,
        row.agrees,
        row.unknown_here,
        row.behind,
        row.unknown_there,
        row.healed,
    )
    assert 2 == len(await setup.rows(HEALED))
    assert 7 == len(await outcomes(setup, job_id))


async def test_an_interrupted_batch_is_done_again_as_a_whole(setup: OperationsSetup) -> None:
    await _orders(setup, "A-1")
    job_id = await load(setup, export("A-1,入金済,5400", "B-1,入金済,5400"), heal=True)
    for batch in (1, 2):
        session = setup.sessions()
        await advance(session, PATH, job_id, batch=batch)
        await session.rollback()  # as if the process had been killed
        await session.close()
        async with setup.sessions.begin() as session:
            await advance(session, PATH, job_id, batch=1)
    row = await finish(setup, job_id)
    assert (1, 1, 2) == (row.unknown_here, row.behind, row.healed)
    assert 2 == len(await setup.rows(HEALED))


async def test_several_workers_share_the_files(setup: OperationsSetup) -> None:
    await _orders(setup, *(f"A-{number}" for number in range(20)))
    lines = [f"A-{number},入金済,5400" for number in range(20)]
    jobs = [await load(setup, export(*lines[start::2]), heal=True) for start in (0, 1)]

    async def work() -> None:
        while True:
            async with setup.sessions.begin() as session:
                step = await advance(session, PATH, batch=2)
            if step is None and not await setup.rows(
                "SELECT 1 FROM reconciliations WHERE state <> 'done'"
            ):
                return

    await asyncio.gather(*(work() for _ in range(3)))
    counts: list[Any] = await setup.rows("SELECT behind, healed, compared FROM reconciliations")
    assert [(10, 10, 10)] * 2 == [tuple(row) for row in counts]
    assert 20 == len(await setup.rows(HEALED))
    assert 2 == len(jobs)


async def test_the_statements_work_with_the_planner_settings_of_a_worker(
    setup: OperationsSetup, database_url: str
) -> None:
    await _orders(setup, "A-1", "A-2", "A-3")
    job_id = await load(setup, export("A-1,未入金,5400", "A-3,未入金,5400"))
    engine = make_engine(database_url, planner=HELD_TO_INDEXES)
    for _ in range(2):
        async with make_sessions(engine).begin() as session:
            await advance(session, PATH)
    await engine.dispose()
    assert "unknown_there" == (await outcomes(setup, job_id))["A-2"]


async def test_old_reconciliations_are_pruned_in_batches(setup: OperationsSetup) -> None:
    old = await load(setup, export("B-1,入金済,1", "B-2,入金済,1", "B-3,入金済,1"))
    await finish(setup, old)
    running = await load(setup, export("B-1,入金済,1"))
    await setup.run("UPDATE reconciliations SET finished_at = finished_at - interval '11 days'")
    pruned = [
        await prune_reconciliations(setup.sessions, timedelta(days=10), batch=2) for _ in range(3)
    ]
    assert [2, 1, None] == pruned
    assert [running] == [row.id for row in await setup.rows("SELECT id FROM reconciliations")]
    assert ["B-1"] == [
        row.order_no for row in await setup.rows("SELECT * FROM reconciliation_rows")
    ]
