"""Recoveries as jobs: batches, progress, rates, cancelling, and that a crash neither loses nor doubles anything."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.clock import now, uuid7
from app.db.tables.orders import EventRow
from app.forwarding.recovery_jobs import EVENTS_AT_ONCE, WEBHOOKS_AT_ONCE, JobState, advance
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


async def _dead(world: OperationsSetup, count: int) -> list[UUID]:
    """So many events whose webhooks to `shop` were given up."""
    ids = [uuid7() for _ in range(count)]
    async with world.sessions.begin() as session:
        session.add_all(
            [
                EventRow(id=event, type="payment.received", created_at=now(), data={})
                for event in ids
            ]
        )
    await world.run(
        "INSERT INTO outbound_webhooks (event_id, subscriber_id, state, attempts) "
        "SELECT e.id, s.id, 'dead', 10 FROM events e, subscribers s"
    )
    return ids


async def _order(world: OperationsSetup, **values: Any) -> UUID:
    request = RecoveryRequest.model_validate(
        {"subscriber": "shop", "since": now() - timedelta(hours=1), **values}
    )
    recovery = await recover(world.sessions, request, ADMIN)
    assert recovery.id
    return recovery.id


async def _batch(world: OperationsSetup) -> int:
    async with world.sessions.begin() as session:
        progress = await advance(session)
    return progress.webhooks if progress else 0


async def _standing(world: OperationsSetup, job: UUID) -> tuple[JobState, int, int]:
    shown = await show_recovery(world.sessions, job)
    return shown.state, shown.done, shown.total


async def _pending(world: OperationsSetup) -> int:
    return (await world.states()).count("pending")


async def test_a_job_goes_on_in_batches_and_shows_its_progress(world: OperationsSetup) -> None:
    await world.add()
    await _dead(world, WEBHOOKS_AT_ONCE + 100)
    job = await _order(world)
    assert (JobState.RUNNING, 0, WEBHOOKS_AT_ONCE + 100) == await _standing(world, job)
    assert WEBHOOKS_AT_ONCE == await _batch(world) == await _pending(world)
    assert (JobState.RUNNING, WEBHOOKS_AT_ONCE, WEBHOOKS_AT_ONCE + 100) == await _standing(
        world, job
    )
    assert 100 == await _batch(world)
    assert (JobState.DONE, WEBHOOKS_AT_ONCE + 100, WEBHOOKS_AT_ONCE + 100) == await _standing(
        world, job
    )
    assert {"pending"} == set(await world.states())
    assert [] == await world.work_off()


async def test_what_is_meant_is_found_behind_pages_of_what_is_not(world: OperationsSetup) -> None:
    await world.add()
    ids = await _dead(world, EVENTS_AT_ONCE + 50)
    await world.run(
        "UPDATE outbound_webhooks SET state = 'delivered' WHERE event_id <> :last", last=ids[-1]
    )
    job = await _order(world)
    assert [0, 1] == [progress.webhooks for progress in await world.work_off()]
    assert (JobState.DONE, 1, 1) == await _standing(world, job)


@pytest.mark.parametrize("everything", [False, True])
async def test_a_batch_that_is_interrupted_is_done_again_from_its_beginning(
    world: OperationsSetup, everything: bool
) -> None:
    await world.add()
    await _dead(world, 30)
    job = await _order(world, everything=everything)
    async with world.sessions() as session:
        progress = await advance(session)
        assert progress
        assert 30 == progress.webhooks
        await session.rollback()  # as a killed worker's connection does
    assert (JobState.RUNNING, 0, 30) == await _standing(world, job)
    assert 0 == await _pending(world)
    assert 30 == await _batch(world)
    assert (JobState.DONE, 30, 30) == await _standing(world, job)


async def test_two_workers_never_have_the_same_job(world: OperationsSetup) -> None:
    await world.add()
    await _dead(world, 10)
    await _order(world)
    async with world.sessions() as one, world.sessions() as other:
        first = await advance(one)
        async with asyncio.timeout(2):
            assert await advance(other) is None
        assert first
        assert 10 == first.webhooks
        await one.commit()


async def test_a_rate_is_kept_and_missed_time_is_not_made_up_for(world: OperationsSetup) -> None:
    await world.add()
    await _dead(world, 40)
    job = await _order(world, rate=10)
    assert 0 == await _batch(world)
    await world.run("UPDATE recovery_jobs SET advanced_at = now() - interval '0.5 s'")
    assert 5 <= await _batch(world) <= 8
    await world.run("UPDATE recovery_jobs SET advanced_at = now() - interval '1 hour'")
    assert 10 == await _batch(world)
    assert 0 == await _batch(world)
    assert JobState.RUNNING == (await _standing(world, job))[0]


async def test_a_cancelled_job_does_no_more_and_what_became_due_stays(
    world: OperationsSetup,
) -> None:
    await world.add()
    await _dead(world, WEBHOOKS_AT_ONCE + 1)
    job = await _order(world)
    await _batch(world)
    cancelled = await cancel_recovery(world.sessions, job, ADMIN)
    assert (JobState.CANCELLED, WEBHOOKS_AT_ONCE) == (cancelled.state, cancelled.done)
    assert [] == await world.work_off()
    assert WEBHOOKS_AT_ONCE == await _pending(world)
    with pytest.raises(NotCancellable, match="cancelled"):
        await cancel_recovery(world.sessions, job, ADMIN)
    with pytest.raises(RecoveryNotFound):
        await cancel_recovery(world.sessions, uuid7(), ADMIN)
    with pytest.raises(RecoveryNotFound):
        await show_recovery(world.sessions, uuid7())


async def test_a_removed_subscribers_job_ends(world: OperationsSetup) -> None:
    await world.add()
    await _dead(world, 3)
    job = await _order(world)
    await remove_subscriber(world.sessions, "shop", ADMIN)
    assert [JobState.CANCELLED] == [progress.state for progress in await world.work_off()]
    assert (JobState.CANCELLED, 0, 3) == await _standing(world, job)
    assert {"dead"} == set(await world.states())


async def test_jobs_take_turns(world: OperationsSetup) -> None:
    await world.add()
    await _dead(world, WEBHOOKS_AT_ONCE + 10)
    first, second = await _order(world), await _order(world, everything=True)
    assert [first, second, first, second] == [
        progress.job_id for progress in await world.work_off()
    ]


async def test_recoveries_are_listed_the_latest_first(world: OperationsSetup) -> None:
    await world.add()
    jobs = [
        await _order(world),
        await _order(world, everything=True, rate=3, event_types=["payment.received"]),
    ]
    listed: list[RecoveryJob] = (await list_recoveries(world.sessions, Place())).items
    assert jobs[::-1] == [job.id for job in listed]
    latest = listed[0]
    assert ("shop", "everything", 3, ["payment.received"], ADMIN.name) == (
        latest.subscriber, latest.scope, latest.rate, latest.event_types, latest.created_by,
    )  # fmt: skip


async def test_news_of_a_subscriber_is_not_recovered_for_itself(world: OperationsSetup) -> None:
    await world.add(event_types=["payment.received", "outbound.dead"])
    async with world.sessions.begin() as session:
        session.add(
            EventRow(
                id=uuid7(), type="outbound.dead", created_at=now(), data={"subscriber": "shop"}
            )
        )
    await _order(world, everything=True)
    await world.work_off()
    assert [] == await world.states()


async def test_a_running_worker_does_it(world: OperationsSetup) -> None:
    async with subscriber(SECRET) as merchant:
        await world.add("shop", merchant.url, secret=SECRET)
        await world.judged("01", "04")
        await world.run("UPDATE outbound_webhooks SET state = 'dead'")
        async with world.forwarder():
            job = await _order(world)
            await merchant.wait_for(2)
    assert (JobState.DONE, 2, 2) == await _standing(world, job)
