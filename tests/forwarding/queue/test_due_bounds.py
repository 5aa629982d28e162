"""Bounds of the scans for due webhooks: cheap beside an old snapshot, and complete."""

import asyncio
import random
import re
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import uuid7
from app.db.connections import Connection, connect
from app.forwarding.attempts.sql import AttemptResult, record
from app.forwarding.fan_out import enqueue
from app.forwarding.outcome import OutcomeKind
from app.forwarding.queue.array_lookup import array_text
from app.forwarding.queue.claims import CLAIM, claim
from app.forwarding.queue.due_bounds import NO_BOUNDS, DueBounds
from app.forwarding.queue.lease_keeper import bound_forever
from app.forwarding.subscribers.backlog import ready_backlog
from app.forwarding.webhook import ClaimedWebhook
from tests.forwarding.delivery_setup import DeliverySetup, until
from tests.forwarding.queue.test_claims import HOLD, LEASE, URL
from tests.forwarding.queue.test_plans import PARAMETERS, numbered
from tests.forwarding.stored_events import fan_out
from tests.forwarding.test_forwarder import open_shop

LATE = "UPDATE outbound_webhooks SET due_at = now() - interval '1 hour' WHERE state = 'pending'"


async def take(setup: DeliverySetup, bounds: DueBounds) -> list[ClaimedWebhook]:
    async with setup.sessions.begin() as session:
        return await claim(
            session, limit=200, busy=[], lease=LEASE, order_hold=HOLD, bounds=bounds.parameters()
        )


async def move(setup: DeliverySetup, bounds: DueBounds) -> bool:
    async with setup.sessions.begin() as session:
        return await bounds.move(session)


async def swept(setup: DeliverySetup, bounds: DueBounds) -> None:
    async with asyncio.timeout(10):
        while not await move(setup, bounds):
            await asyncio.sleep(0.01)


async def pages_read(connection: Connection, bounds: DueBounds | None) -> int:
    """Return the number of pages that a claim of nothing reads, from cache or disk."""
    query, names = numbered(CLAIM)
    values = {
        **PARAMETERS,
        **(bounds.parameters() if bounds else NO_BOUNDS),
    }
    values = {**values, "limit": 200, "retry_limit": 150}
    async with connection.transaction():
        lines = [
            row[0]
            for row in await connection.fetch(
                f"EXPLAIN (ANALYZE, BUFFERS) {query}", *[values[name] for name in names]
            )
        ]
    return sum(
        int(pages)
        for pages in re.findall(
            r"(?:hit|read)=(\d+)", next(line for line in lines if "Buffers" in line)
        )
    )


async def test_a_claim_does_not_read_dead_entries_of_an_old_snapshot(setup: DeliverySetup) -> None:
    bounds = DueBounds()
    await setup.subscriber(URL, max_in_flight=200)
    connection, holder = await connect(setup.url), await connect(setup.url)
    async with holder.transaction(isolation="repeatable_read", readonly=True):
        await holder.fetchval("SELECT 1 FROM outbound_webhooks")
        for _ in range(20):
            await _enqueue_many(setup, 100)
            taken = await take(setup, bounds)
            assert len(taken) == 100
            done = [
                AttemptResult(
                    w.id,
                    w.lease_token,
                    "delivered",
                    None,
                    True,
                    monotonic(),
                    5,
                    OutcomeKind.DELIVERED,
                    200,
                    None,
                )
                for w in taken
            ]
            async with setup.sessions.begin() as session:
                await record(session, done)
        await asyncio.sleep(1.5)
        await move(setup, bounds)
        without, bounded = await pages_read(connection, None), await pages_read(connection, bounds)
    assert without > 3 * bounded, f"{bounded} of {without}"
    await connection.close()
    await holder.close()


async def _enqueue_many(setup: DeliverySetup, count: int) -> None:
    ids = [uuid7() for _ in range(count)]
    async with setup.sessions.begin() as session:
        await session.execute(
            text(
                "INSERT INTO events (id, type, order_no, sequence, created_at, data) "
                "SELECT id, 'payment.received', id::text, 1, now(), '{}' "
                "FROM unnest(CAST(:ids AS uuid[])) AS id"
            ),
            {"ids": ids},
        )
        await fan_out(session, ids)


async def test_a_webhook_that_becomes_due_below_the_bound_is_found_by_a_sweep(
    setup: DeliverySetup,
) -> None:
    bounds = DueBounds()
    await setup.subscriber(URL)
    await move(setup, bounds)
    event = await setup.event()
    await setup.run(LATE)
    assert await take(setup, bounds) == []
    await swept(setup, bounds)
    assert [webhook.event_id for webhook in await take(setup, bounds)] == [event]


async def test_a_bound_waits_for_the_first_pending_webhook(setup: DeliverySetup) -> None:
    """A webhook that cannot be claimed now, for a limit, is still above the bound an hour later."""
    bounds = DueBounds()
    await setup.subscriber(URL)
    event = await setup.event()
    await setup.run(LATE)
    for _ in range(3):
        await move(setup, bounds)
    assert [webhook.event_id for webhook in await take(setup, bounds)] == [event]


async def test_a_resumed_subscriber_has_no_bound(setup: DeliverySetup) -> None:
    bounds = DueBounds()
    subscriber, _ = await setup.subscriber(URL)
    await move(setup, bounds)
    event = await setup.event(age=timedelta(days=2))
    await setup.run("UPDATE subscribers SET state = 'paused'")
    await move(setup, bounds)
    async with setup.sessions.begin() as session:
        await session.execute(text("UPDATE outbound_webhooks SET attempts = 1"))
        assert await ready_backlog(session, subscriber) == 1
    await setup.run("UPDATE subscribers SET state = 'active'")
    assert [webhook.event_id for webhook in await take(setup, bounds)] == [event]


async def test_a_database_clock_that_was_set_back_lowers_the_bound(
    setup: DeliverySetup,
) -> None:
    bounds = DueBounds()
    await setup.subscriber(URL)
    await move(setup, bounds)
    ahead = bounds.parameters()
    ahead = {
        **ahead,
        **{
            name: array_text(
                datetime.fromisoformat(each) + timedelta(hours=1)
                for each in ahead[name].strip("{}").split(",")
            )
            for name in ("bound_first_attempts", "bound_retries")
        },
    }
    event = await setup.event()
    async with setup.sessions.begin() as session:
        taken = await claim(session, limit=9, busy=[], lease=LEASE, order_hold=HOLD, bounds=ahead)
    assert [webhook.event_id for webhook in taken] == [event]


@pytest.mark.parametrize("held", [False, True])
async def test_no_webhook_is_skipped_by_any_order_of_changes(
    setup: DeliverySetup, held: bool
) -> None:
    """Late commits, pauses, resumptions, replays and past due times, beside two workers."""
    random_ = random.Random(held)
    holder = await connect(setup.url)
    transaction = holder.transaction(isolation="repeatable_read", readonly=True)
    await transaction.start()
    if held:
        await holder.fetchval("SELECT 1 FROM outbound_webhooks")
    async with open_shop() as shop, setup.forwarder(), setup.forwarder():
        subscriber, _ = await setup.subscriber(shop.url)
        made = [
            one
            for some in await asyncio.gather(*(_live(setup, subscriber, random_) for _ in range(5)))
            for one in some
        ]
        await until(lambda: _nothing_pending(setup), 30)
        arrived = {UUID(webhook_id) for webhook_id in shop.ids}
    await transaction.rollback()
    await holder.close()
    assert arrived == set(made)


async def _live(setup: DeliverySetup, subscriber: UUID, random_: random.Random) -> list[UUID]:
    made = []
    for _ in range(12):
        event = uuid7()
        async with setup.sessions.begin() as session:
            await session.execute(
                text(
                    "INSERT INTO events (id, type, created_at, data) "
                    "VALUES (:id, 'payment.received', now(), '{}')"
                ),
                {"id": event},
            )
            await fan_out(session, [event])
            await asyncio.sleep(random_.choice([0, 0, 0.1, 3.0]) * random_.random())
        made.append(event)
        match random_.randrange(4):
            case 0:
                await setup.run(LATE)
            case 1:
                await setup.run(
                    "UPDATE subscribers SET state = 'paused' WHERE id = :id", id=subscriber
                )
                async with setup.sessions.begin() as session:
                    await ready_backlog(session, subscriber)
                await setup.run(
                    "UPDATE subscribers SET state = 'active' WHERE id = :id", id=subscriber
                )
            case 2:
                async with setup.sessions.begin() as session:
                    await enqueue(session, random_.choice(made), subscriber)
    return made


async def _nothing_pending(setup: DeliverySetup) -> bool:
    return "pending" not in await setup.states()


async def test_bounds_are_moved_often_only_while_somebody_reads_with_them(
    setup: DeliverySetup,
) -> None:
    bounds, moves = DueBounds(), []
    original = bounds.move

    async def counted(session: AsyncSession) -> bool:
        moves.append(monotonic())
        return await original(session)

    bounds.move = counted  # type: ignore[method-assign]
    moving = asyncio.create_task(bound_forever(setup.sessions, bounds, 0.05, lambda: None))
    await asyncio.sleep(0.8)
    assert len(moves) == 1
    for _ in range(8):
        bounds.parameters()
        await asyncio.sleep(0.1)
    assert len(moves) >= 4
    moving.cancel()
