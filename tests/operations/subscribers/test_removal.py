"""Removal of a subscriber during fan-out and delivery: no blocking, no webhook left pending."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from app.clock import uuid7
from app.forwarding.attempts.sql import record
from app.forwarding.outcome import OutcomeKind
from app.forwarding.recovery_jobs import advance
from app.forwarding.subscribers.removal import cancel_pending
from app.forwarding.webhook import ClaimedWebhook
from app.operations.subscribers.recovery import RecoveryRequest, recover
from app.operations.subscribers.rows import subscriber_row
from app.operations.subscribers.subscribers import remove_subscriber
from tests.forwarding.delivery_setup import until
from tests.forwarding.queue.test_claims import result, take
from tests.forwarding.stored_events import fan_out
from tests.operations.operations_setup import ADMIN, OperationsSetup

_WAITING = (
    "SELECT 1 FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
)


async def _somebody_waits(setup: OperationsSetup) -> bool:
    return bool(await setup.rows(_WAITING))


async def test_a_fan_out_that_began_during_a_removal_enqueues_nothing(
    setup: OperationsSetup,
) -> None:
    await setup.add()
    event = await _event(setup)
    async with setup.sessions.begin() as removing, setup.sessions.begin() as judging:
        row = await subscriber_row(removing, "shop", alone=True)
        await removing.execute(
            text("UPDATE subscribers SET state = 'removed' WHERE id = :id"), {"id": row.id}
        )
        owing = asyncio.create_task(fan_out(judging, [event]))
        await until(lambda: _somebody_waits(setup))
        await removing.commit()
        assert 0 == await owing
    assert [] == await setup.states()


async def test_a_removal_waits_for_a_fan_out_and_cancels_its_webhooks(
    setup: OperationsSetup,
) -> None:
    await setup.add()
    event = await _event(setup)
    async with setup.sessions.begin() as judging:
        assert 1 == await fan_out(judging, [event])
        removal = asyncio.create_task(remove_subscriber(setup.sessions, "shop", ADMIN))
        await until(lambda: _somebody_waits(setup))
        await judging.commit()
        await removal
    assert ["cancelled"] == await setup.states()


async def test_neither_a_change_nor_a_recording_makes_a_fan_out_wait(
    setup: OperationsSetup,
) -> None:
    await setup.add()
    await setup.event()
    event = await _event(setup)
    taken = await take(setup)
    async with (
        setup.sessions.begin() as judging,
        setup.sessions.begin() as other,
        asyncio.timeout(5),
    ):
        await subscriber_row(other, "shop", lock=True)
        assert 1 == await fan_out(judging, [event])
    async with (
        setup.sessions.begin() as judging,
        setup.sessions.begin() as recording,
        asyncio.timeout(5),
    ):
        await record(
            recording,
            [result(webhook, OutcomeKind.HTTP_5XX, timedelta(hours=1)) for webhook in taken],
        )
        assert 1 == await fan_out(judging, [await _event(setup)])


async def _event(setup: OperationsSetup) -> UUID:
    """Record an event without outbound webhooks."""
    event = uuid7()
    query = (
        "INSERT INTO events (id, type, order_no, sequence, created_at, data) "
        "VALUES (:id, 'payment.received', :no, 1, now(), '{}')"
    )
    await setup.run(query, id=event, no=str(event))
    return event


async def test_a_webhook_being_recorded_is_skipped_and_cancelled_later(
    setup: OperationsSetup,
) -> None:
    await setup.add()
    for _ in range(3):
        await setup.event()
    first, *_ = await take(setup, limit=1)
    async with setup.sessions.begin() as recording, asyncio.timeout(5):
        await recording.execute(
            text("SELECT 1 FROM outbound_webhooks WHERE id = :id FOR UPDATE"), {"id": first.id}
        )
        await remove_subscriber(setup.sessions, "shop", ADMIN)
        await record(recording, [result(first, OutcomeKind.HTTP_5XX, timedelta(hours=1))])
    assert ["pending", "cancelled", "cancelled"] == await setup.states()
    assert [] == await take(setup)
    async with setup.forwarder():
        await until(lambda: _is_settled(setup))
    assert ["cancelled"] * 3 == await setup.states()


async def _is_settled(setup: OperationsSetup) -> bool:
    return "pending" not in await setup.states()


async def test_a_recovery_does_not_block_recording(setup: OperationsSetup) -> None:
    await setup.add()
    for _ in range(2):
        await setup.event()
    taken = await take(setup)
    since = "2020-01-01T00:00:00Z"
    await recover(
        setup.sessions,
        RecoveryRequest.model_validate({"subscriber": "shop", "since": since, "everything": True}),
        ADMIN,
    )
    async with (
        setup.sessions.begin() as recovering,
        setup.sessions.begin() as recording,
        asyncio.timeout(5),
    ):
        assert await advance(recovering) is not None
        await record(
            recording,
            [result(webhook, OutcomeKind.HTTP_5XX, timedelta(hours=1)) for webhook in taken],
        )


async def test_concurrent_removals_and_recordings_never_block_each_other(
    setup: OperationsSetup,
) -> None:
    for number in range(20):
        name = f"shop-{number}"
        await setup.add(name)
        for order in range(4):
            for sequence in range(1, 4):
                await setup.event(f"{number}-{order}", sequence)
        batches = [await take(setup, limit=2) for _ in range(2)]
        await setup.run(
            "UPDATE outbound_webhooks SET due_at = now() + interval '1 minute' "
            "WHERE lease_token IS NULL"
        )  # parked
        async with asyncio.timeout(20):
            await asyncio.gather(
                *(_record(setup, batch) for batch in batches),
                remove_subscriber(setup.sessions, name, ADMIN),
            )
            async with setup.sessions.begin() as session:
                await cancel_pending(session)
        assert not await setup.rows("SELECT 1 FROM outbound_webhooks WHERE state = 'pending'")


async def _record(setup: OperationsSetup, taken: Sequence[ClaimedWebhook]) -> None:
    async with setup.sessions.begin() as session:
        await record(session, [result(webhook, OutcomeKind.HTTP_4XX) for webhook in taken])
