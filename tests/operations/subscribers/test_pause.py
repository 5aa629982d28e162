"""What was held during a pause goes out in sequence afterwards, however long the pause was and whatever was tried before it."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.forwarding.outcome import OutcomeKind
from app.operations.errors import NotAllowed
from app.operations.subscribers.pause import pause_subscriber, resume_subscriber
from tests.forwarding.delivery_setup import until
from tests.forwarding.queue.test_claims import events, put, result, take
from tests.forwarding.subscribers.test_health import SIGNALS, told
from tests.operations.operations_setup import OPERATOR, VIEWER, OperationsSetup
from tests.subscriber import Subscriber, subscriber

OWN_SECRET = "whsec_" + "A" * 32
LONG_AGO = timedelta(days=2)


async def _sequences(merchant: Subscriber) -> dict[str, list[int]]:
    return {
        order: [event["data"]["sequence"] for event in events]
        for order, events in merchant.events().items()
    }


async def test_after_a_long_pause_the_events_of_each_order_arrive_in_sequence(
    world: OperationsSetup,
) -> None:
    async with subscriber(OWN_SECRET) as merchant:
        await world.add("shop", merchant.url, secret=OWN_SECRET)
        orders = [f"order-{number}" for number in range(5)]
        for (
            order
        ) in orders:  # the first of each was tried before the pause, and is due again in a day
            await world.event(order, 1, age=LONG_AGO)
        await put(
            world,
            *[
                result(taken, OutcomeKind.HTTP_5XX, timedelta(days=1))
                for taken in await take(world)
            ],
        )
        await world.run(
            "UPDATE attempts SET started_at = now() - CAST(:age AS interval)", age=LONG_AGO
        )
        await pause_subscriber(world.sessions, "shop", None, OPERATOR)
        for sequence in (2, 3, 4):
            for order in orders:
                await world.event(order, sequence, age=LONG_AGO)
        merchant.status = 503
        async with world.forwarder(
            resume_rate=10_000, schedule=(timedelta(0), *[timedelta(milliseconds=50)] * 200)
        ):
            await resume_subscriber(world.sessions, "shop", OPERATOR)
            await until(lambda: _tried(world, 10))
            merchant.status = 200
            await merchant.wait_for(20)
    assert {order: [1, 2, 3, 4] for order in orders} == await _sequences(merchant)


async def _tried(world: OperationsSetup, count: int) -> bool:
    return len(await world.outcomes()) >= count


async def test_what_was_tried_or_parked_before_the_pause_is_tried_afresh_from_the_oldest_on(
    world: OperationsSetup,
) -> None:
    await world.add()
    found = [
        await world.event("A", 1, age=3 * LONG_AGO),
        await world.event("B", 1, age=2 * LONG_AGO),
        await world.event("C", 1, age=LONG_AGO),
    ]
    await world.run("UPDATE outbound_webhooks SET due_at = created_at")
    for event, change in zip(
        found, ("attempts = 7, excused = 2", "attempts = 0", "attempts = 9"), strict=True
    ):
        await world.run(
            f"UPDATE outbound_webhooks SET {change}, due_at = now() + interval '1 day' WHERE event_id = :id",
            id=event,
        )
    await pause_subscriber(world.sessions, "shop", None, OPERATOR)
    await resume_subscriber(world.sessions, "shop", OPERATOR)
    assert {(0, 0, True)} == {
        tuple(row)
        for row in await world.rows(
            "SELECT attempts, excused, due_at = created_at FROM outbound_webhooks"
        )
    }
    assert found == events(await take(world, room=3))


async def test_what_is_under_way_and_what_others_hold_stays_as_it_is(
    world: OperationsSetup,
) -> None:
    await world.add()
    await world.event("A", 1)
    [taken] = await take(world)
    held = await world.event("B", 1)
    await world.run("UPDATE outbound_webhooks SET attempts = 3 WHERE event_id = :id", id=held)
    await pause_subscriber(world.sessions, "shop", None, OPERATOR)
    async with world.sessions.begin() as session:
        await session.execute(
            text("SELECT 1 FROM outbound_webhooks WHERE event_id = :id FOR UPDATE"), {"id": held}
        )
        await resume_subscriber(world.sessions, "shop", OPERATOR)
    assert [3] == [
        row.attempts
        for row in await world.rows(
            "SELECT attempts FROM outbound_webhooks WHERE event_id = :id", id=held
        )
    ]
    assert {taken.id} == (await put(world, result(taken))).webhook_ids


async def test_resuming_one_that_is_not_paused_leaves_its_retries_alone(
    world: OperationsSetup,
) -> None:
    await world.add()
    await world.event()
    await world.run("UPDATE outbound_webhooks SET attempts = 3, due_at = now() + interval '1 day'")
    await resume_subscriber(world.sessions, "shop", OPERATOR)
    assert [(3, True)] == [
        tuple(row)
        for row in await world.rows("SELECT attempts, due_at > now() FROM outbound_webhooks")
    ]


async def test_others_are_told_of_a_pause_once_and_of_the_first_success_after_it(
    world: OperationsSetup,
) -> None:
    await world.add()
    await world.add("watcher", event_types=SIGNALS)
    for _ in range(2):
        await pause_subscriber(world.sessions, "shop", "called Mr. Sato, 0312345678", OPERATOR)
    [paused] = await told(world)
    assert {
        "type": "subscriber.paused",
        "to": "watcher",
        "subscriber": "shop",
        "reason": "operator",
        "since": None,
        "failures": 0,
    } == paused
    await resume_subscriber(world.sessions, "shop", OPERATOR)
    assert [paused] == await told(world)
    await world.event()
    await put(
        world,
        *[result(taken) for taken in await take(world) if taken.event_type == "payment.received"],
    )
    assert ["subscriber.paused", "subscriber.recovered"] == [
        signal["type"] for signal in await told(world)
    ]


async def test_a_pause_tells_since_when_the_subscriber_had_been_failing(
    world: OperationsSetup,
) -> None:
    await world.add()
    await world.add("watcher", event_types=SIGNALS)
    await world.run(
        "UPDATE subscribers SET failures = 4, failing_since = '2026-11-23T03:51:00.123456Z' WHERE name = 'shop'"
    )
    await pause_subscriber(world.sessions, "shop", None, OPERATOR)
    [paused] = await told(world)
    assert ("2026-11-23T03:51:00.123456Z", 4) == (paused["since"], paused["failures"])


async def test_a_subscriber_that_polls_has_recovered_when_it_is_resumed(
    world: OperationsSetup,
) -> None:
    await world.add("poller", None, feed=True)
    await world.add("watcher", event_types=SIGNALS)
    await pause_subscriber(world.sessions, "poller", None, OPERATOR)
    for _ in range(2):
        await resume_subscriber(world.sessions, "poller", OPERATOR)
    assert [("subscriber.paused", "operator"), ("subscriber.recovered", None)] == [
        (signal["type"], signal["reason"]) for signal in await told(world)
    ]


async def test_nobody_is_told_of_a_pause_that_is_not_allowed(world: OperationsSetup) -> None:
    await world.add()
    await world.add("watcher", event_types=SIGNALS)
    with pytest.raises(NotAllowed):
        await pause_subscriber(world.sessions, "shop", None, VIEWER)
    with pytest.raises(NotAllowed):
        await resume_subscriber(world.sessions, "shop", VIEWER)
    assert [] == await told(world)
