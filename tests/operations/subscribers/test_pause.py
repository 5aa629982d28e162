"""Pause and resume: held webhooks arrive in sequence after a pause of any length."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.forwarding.outcome import OutcomeKind
from app.operations.errors import NotAllowed
from app.operations.subscribers.pause import pause_subscriber, resume_subscriber
from tests.forwarding.delivery_setup import until
from tests.forwarding.queue.test_claims import events, put, result, take
from tests.forwarding.subscribers.test_health import HEALTH_TYPES, reported
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
    setup: OperationsSetup,
) -> None:
    async with subscriber(OWN_SECRET) as merchant:
        await setup.add("shop", merchant.url, secret=OWN_SECRET)
        orders = [f"order-{number}" for number in range(5)]
        for (
            order
        ) in orders:  # the first of each was attempted before the pause and is due again in a day
            await setup.event(order, 1, age=LONG_AGO)
        await put(
            setup,
            *[
                result(taken, OutcomeKind.HTTP_5XX, timedelta(days=1))
                for taken in await take(setup)
            ],
        )
        await setup.run(
            "UPDATE attempts SET started_at = now() - CAST(:age AS interval)", age=LONG_AGO
        )
        await pause_subscriber(setup.sessions, "shop", None, OPERATOR)
        for sequence in (2, 3, 4):
            for order in orders:
                await setup.event(order, sequence, age=LONG_AGO)
        merchant.status = 503
        async with setup.forwarder(
            resume_rate=10_000, schedule=(timedelta(0), *[timedelta(milliseconds=50)] * 200)
        ):
            await resume_subscriber(setup.sessions, "shop", OPERATOR)
            await until(lambda: _tried(setup, 10))
            merchant.status = 200
            await merchant.wait_for(20)
    assert {order: [1, 2, 3, 4] for order in orders} == await _sequences(merchant)


async def _tried(setup: OperationsSetup, count: int) -> bool:
    return len(await setup.outcomes()) >= count


async def test_webhooks_attempted_before_the_pause_restart_from_the_oldest(
    setup: OperationsSetup,
) -> None:
    await setup.add()
    found = [
        await setup.event("A", 1, age=3 * LONG_AGO),
        await setup.event("B", 1, age=2 * LONG_AGO),
        await setup.event("C", 1, age=LONG_AGO),
    ]
    await setup.run("UPDATE outbound_webhooks SET due_at = created_at")
    for event, change in zip(
        found, ("attempts = 7, excused = 2", "attempts = 0", "attempts = 9"), strict=True
    ):
        await setup.run(
            f"UPDATE outbound_webhooks SET {change}, due_at = now() + interval '1 day' "
            "WHERE event_id = :id",
            id=event,
        )
    await pause_subscriber(setup.sessions, "shop", None, OPERATOR)
    await resume_subscriber(setup.sessions, "shop", OPERATOR)
    assert {(0, 0, True)} == {
        tuple(row)
        for row in await setup.rows(
            "SELECT attempts, excused, due_at = created_at FROM outbound_webhooks"
        )
    }
    assert found == events(await take(setup, limit=3))


async def test_webhooks_in_flight_and_locked_ones_stay_unchanged(
    setup: OperationsSetup,
) -> None:
    await setup.add()
    await setup.event("A", 1)
    [taken] = await take(setup)
    held = await setup.event("B", 1)
    await setup.run("UPDATE outbound_webhooks SET attempts = 3 WHERE event_id = :id", id=held)
    await pause_subscriber(setup.sessions, "shop", None, OPERATOR)
    async with setup.sessions.begin() as session:
        await session.execute(
            text("SELECT 1 FROM outbound_webhooks WHERE event_id = :id FOR UPDATE"), {"id": held}
        )
        await resume_subscriber(setup.sessions, "shop", OPERATOR)
    assert [3] == [
        row.attempts
        for row in await setup.rows(
            "SELECT attempts FROM outbound_webhooks WHERE event_id = :id", id=held
        )
    ]
    assert {taken.id} == (await put(setup, result(taken))).webhook_ids


async def test_resuming_an_active_subscriber_keeps_its_retries(
    setup: OperationsSetup,
) -> None:
    await setup.add()
    await setup.event()
    await setup.run("UPDATE outbound_webhooks SET attempts = 3, due_at = now() + interval '1 day'")
    await resume_subscriber(setup.sessions, "shop", OPERATOR)
    assert [(3, True)] == [
        tuple(row)
        for row in await setup.rows("SELECT attempts, due_at > now() FROM outbound_webhooks")
    ]


async def test_others_get_one_event_for_a_pause_and_one_for_the_first_success_after_it(
    setup: OperationsSetup,
) -> None:
    await setup.add()
    await setup.add("watcher", event_types=HEALTH_TYPES)
    for _ in range(2):
        await pause_subscriber(setup.sessions, "shop", "called Mr. Sato, 0312345678", OPERATOR)
    [paused] = await reported(setup)
    assert {
        "type": "subscriber.paused",
        "to": "watcher",
        "subscriber": "shop",
        "reason": "operator",
        "since": None,
        "failures": 0,
    } == paused
    await resume_subscriber(setup.sessions, "shop", OPERATOR)
    assert [paused] == await reported(setup)
    await setup.event()
    await put(
        setup,
        *[result(taken) for taken in await take(setup) if taken.event_type == "payment.received"],
    )
    assert ["subscriber.paused", "subscriber.recovered"] == [
        found["type"] for found in await reported(setup)
    ]


async def test_the_event_of_a_pause_names_the_start_of_the_failures(
    setup: OperationsSetup,
) -> None:
    await setup.add()
    await setup.add("watcher", event_types=HEALTH_TYPES)
    await setup.run(
        "UPDATE subscribers SET failures = 4, failing_since = '2026-11-23T03:51:00.123456Z' "
        "WHERE name = 'shop'"
    )
    await pause_subscriber(setup.sessions, "shop", None, OPERATOR)
    [paused] = await reported(setup)
    assert ("2026-11-23T03:51:00.123456Z", 4) == (paused["since"], paused["failures"])


async def test_a_subscriber_that_polls_has_recovered_when_it_is_resumed(
    setup: OperationsSetup,
) -> None:
    await setup.add("poller", None, feed=True)
    await setup.add("watcher", event_types=HEALTH_TYPES)
    await pause_subscriber(setup.sessions, "poller", None, OPERATOR)
    for _ in range(2):
        await resume_subscriber(setup.sessions, "poller", OPERATOR)
    assert [("subscriber.paused", "operator"), ("subscriber.recovered", None)] == [
        (found["type"], found["reason"]) for found in await reported(setup)
    ]


async def test_a_pause_that_is_not_allowed_causes_no_event(setup: OperationsSetup) -> None:
    await setup.add()
    await setup.add("watcher", event_types=HEALTH_TYPES)
    with pytest.raises(NotAllowed):
        await pause_subscriber(setup.sessions, "shop", None, VIEWER)
    with pytest.raises(NotAllowed):
        await resume_subscriber(setup.sessions, "shop", VIEWER)
    assert [] == await reported(setup)
