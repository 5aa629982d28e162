"""Recovery jobs: batches, progress, rates, cancellation, and crashes without loss or repetition."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.clock import now, uuid7
from app.db.tables.orders import EventRow
from app.forwarding.recovery_jobs import EVENTS_PER_BATCH, WEBHOOKS_PER_BATCH, JobState, advance
from app.operations.errors import NotCancellable, RecoveryNotFound
from app.operations.pagination import Place
from app.operations.subscribers.recovery import (
    RecoveryJob,
    RecoveryRequest,
    cancel_recovery,
    list_recoveries,
    recover,
    show_recovery,
)
from app.operations.subscribers.subscribers import remove_subscriber
from tests.operations.operations_setup import ADMIN, OperationsSetup
from tests.subscriber import subscriber

SECRET = "whsec_" + "A" * 32


async def _dead(setup: OperationsSetup, count: int) -> list[UUID]:
    """Enqueue so many events whose webhooks to `shop` are dead."""
    ids = [uuid7() for _ in range(count)]
    async with setup.sessions.begin() as session:
        session.add_all(
            [
                EventRow(id=event, type="payment.received", created_at=now(), data={})
                for event in ids
            ]
        )
    await setup.run(
        "INSERT INTO outbound_webhooks (event_id, subscriber_id, state, attempts) "
        "SELECT e.id, s.id, 'dead', 10 FROM events e, subscribers s"
    )
    return ids


async def _order(setup: OperationsSetup, **values: Any) -> UUID:
    request = RecoveryRequest.model_validate(
        {"subscriber": "shop", "since": now() - timedelta(hours=1), **values}
    )
    recovery = await recover(setup.sessions, request, ADMIN)
    assert recovery.id
    return recovery.id


async def _batch(setup: OperationsSetup) -> int:
    async with setup.sessions.begin() as session:
        progress = await advance(session)
    return progress.webhooks if progress else 0


async def _standing(setup: OperationsSetup, job: UUID) -> tuple[JobState, int, int]:
    shown = await show_recovery(setup.sessions, job)
    return shown.state, shown.done, shown.total


async def _pending(setup: OperationsSetup) -> int:
    return (await setup.states()).count("pending")


async def test_a_job_runs_in_batches_and_shows_its_progress(setup: OperationsSetup) -> None:
    await setup.add()
    await _dead(setup, WEBHOOKS_PER_BATCH + 100)
    job = await _order(setup)
    assert (JobState.RUNNING, 0, WEBHOOKS_PER_BATCH + 100) == await _standing(setup, job)
    assert WEBHOOKS_PER_BATCH == await _batch(setup) == await _pending(setup)
    assert (JobState.RUNNING, WEBHOOKS_PER_BATCH, WEBHOOKS_PER_BATCH + 100) == await _standing(
        setup, job
    )
    assert 100 == await _batch(setup)
    assert (JobState.DONE, WEBHOOKS_PER_BATCH + 100, WEBHOOKS_PER_BATCH + 100) == await _standing(
        setup, job
    )
    assert {"pending"} == set(await setup.states())
    assert [] == await setup.work_off()


async def test_selected_events_are_found_behind_pages_of_others(setup: OperationsSetup) -> None:
    await setup.add()
    ids = await _dead(setup, EVENTS_PER_BATCH + 50)
    await setup.run(
        "UPDATE outbound_webhooks SET state = 'delivered' WHERE event_id <> :last", last=ids[-1]
    )
    job = await _order(setup)
    assert [0, 1] == [progress.webhooks for progress in await setup.work_off()]
    assert (JobState.DONE, 1, 1) == await _standing(setup, job)


@pytest.mark.parametrize("everything", [False, True])
async def test_an_interrupted_batch_is_repeated_from_its_start(
    setup: OperationsSetup, everything: bool
) -> None:
    await setup.add()
    await _dead(setup, 30)
    job = await _order(setup, everything=everything)
    async with setup.sessions() as session:
        progress = await advance(session)
        assert progress
        assert 30 == progress.webhooks
        await session.rollback()  # like a killed worker's connection
    assert (JobState.RUNNING, 0, 30) == await _standing(setup, job)
    assert 0 == await _pending(setup)
    assert 30 == await _batch(setup)
    assert (JobState.DONE, 30, 30) == await _standing(setup, job)


async def test_two_workers_never_run_the_same_job(setup: OperationsSetup) -> None:
    await setup.add()
    await _dead(setup, 10)
    await _order(setup)
    async with setup.sessions() as one, setup.sessions() as other:
        first = await advance(one)
        async with asyncio.timeout(2):
            assert await advance(other) is None
        assert first
        assert 10 == first.webhooks
        await one.commit()


async def test_a_rate_is_kept_and_missed_time_is_not_caught_up(setup: OperationsSetup) -> None:
    await setup.add()
    await _dead(setup, 40)
    job = await _order(setup, rate=10)
    assert 0 == await _batch(setup)
    await setup.run("UPDATE recovery_jobs SET advanced_at = now() - interval '0.5 s'")
    assert 5 <= await _batch(setup) <= 8
    await setup.run("UPDATE recovery_jobs SET advanced_at = now() - interval '1 hour'")
    assert 10 == await _batch(setup)
    assert 0 == await _batch(setup)
    assert JobState.RUNNING == (await _standing(setup, job))[0]


async def test_a_cancelled_job_stops_and_due_webhooks_stay(
    setup: OperationsSetup,
) -> None:
    await setup.add()
    await _dead(setup, WEBHOOKS_PER_BATCH + 1)
    job = await _order(setup)
    await _batch(setup)
    cancelled = await cancel_recovery(setup.sessions, job, ADMIN)
    assert (JobState.CANCELLED, WEBHOOKS_PER_BATCH) == (cancelled.state, cancelled.done)
    assert [] == await setup.work_off()
    assert WEBHOOKS_PER_BATCH == await _pending(setup)
    with pytest.raises(NotCancellable, match="cancelled"):
        await cancel_recovery(setup.sessions, job, ADMIN)
    with pytest.raises(RecoveryNotFound):
        await cancel_recovery(setup.sessions, uuid7(), ADMIN)
    with pytest.raises(RecoveryNotFound):
        await show_recovery(setup.sessions, uuid7())


async def test_the_job_of_a_removed_subscriber_ends(setup: OperationsSetup) -> None:
    await setup.add()
    await _dead(setup, 3)
    job = await _order(setup)
    await remove_subscriber(setup.sessions, "shop", ADMIN)
    assert [JobState.CANCELLED] == [progress.state for progress in await setup.work_off()]
    assert (JobState.CANCELLED, 0, 3) == await _standing(setup, job)
    assert {"dead"} == set(await setup.states())


async def test_jobs_alternate(setup: OperationsSetup) -> None:
    await setup.add()
    await _dead(setup, WEBHOOKS_PER_BATCH + 10)
    first, second = await _order(setup), await _order(setup, everything=True)
    assert [first, second, first, second] == [
        progress.job_id for progress in await setup.work_off()
    ]


async def test_recoveries_are_listed_the_newest_first(setup: OperationsSetup) -> None:
    await setup.add()
    jobs = [
        await _order(setup),
        await _order(setup, everything=True, rate=3, event_types=["payment.received"]),
    ]
    listed: list[RecoveryJob] = (await list_recoveries(setup.sessions, Place())).items
    assert jobs[::-1] == [job.id for job in listed]
    latest = listed[0]
    assert ("shop", "everything", 3, ["payment.received"], ADMIN.name) == (
        latest.subscriber, latest.scope, latest.rate, latest.event_types, latest.created_by,
    )  # fmt: skip


async def test_health_events_of_a_subscriber_are_not_recovered_for_itself(
    setup: OperationsSetup,
) -> None:
    await setup.add(event_types=["payment.received", "outbound.dead"])
    async with setup.sessions.begin() as session:
        session.add(
            EventRow(
                id=uuid7(), type="outbound.dead", created_at=now(), data={"subscriber": "shop"}
            )
        )
    await _order(setup, everything=True)
    await setup.work_off()
    assert [] == await setup.states()


async def test_a_running_worker_recovers(setup: OperationsSetup) -> None:
    async with subscriber(SECRET) as merchant:
        await setup.add("shop", merchant.url, secret=SECRET)
        await setup.judged("01", "04")
        await setup.run("UPDATE outbound_webhooks SET state = 'dead'")
        async with setup.forwarder():
            job = await _order(setup)
            await merchant.wait_for(2)
    assert (JobState.DONE, 2, 2) == await _standing(setup, job)
