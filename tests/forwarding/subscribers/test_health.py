"""Health of subscribers: what counts, when one is paused, who is told of it, and who never is."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.forwarding.attempts.sql import Recorded, record
from app.forwarding.outcome import OutcomeKind
from tests.forwarding.delivery_setup import DeliverySetup
from tests.forwarding.queue.test_claims import URL, result, take

K = OutcomeKind
SIGNALS = ["subscriber.failing", "subscriber.paused", "subscriber.recovered", "outbound.dead"]
LATER = timedelta(0)


async def attempts(
    world: DeliverySetup,
    *kinds: OutcomeKind,
    wait: timedelta | None = LATER,
    pause_after: timedelta = timedelta(days=5),
) -> Recorded:
    """One batch of results, one for each of `kinds`, for webhooks of the only subscriber that takes events of orders."""
    for _ in kinds:
        await world.event()
    claimed = await take(world)
    for _ in kinds:  # once it is capped, a claim takes one at a time
        claimed += await take(world, capped=True)
    taken = [webhook for webhook in claimed if webhook.event_type == "payment.received"][
        : len(kinds)
    ]
    assert len(taken) == len(kinds)
    async with world.sessions.begin() as session:
        results = [result(webhook, kind, wait) for webhook, kind in zip(taken, kinds, strict=True)]
        recorded = await record(session, results, pause_after=pause_after)
    await world.run("UPDATE outbound_webhooks SET state = 'cancelled' WHERE state = 'pending'")
    return recorded


async def health(world: DeliverySetup, subscriber: UUID) -> tuple[int, bool, bool, str]:
    [row] = await world.rows("SELECT * FROM subscribers WHERE id = :id", id=subscriber)
    return row.failures, row.failing_since is not None, row.last_success_at is not None, row.state


async def told(world: DeliverySetup) -> list[dict[str, Any]]:
    """What is owed of signals, the oldest first: type, to whom and what it says."""
    rows = await world.rows(
        "SELECT e.type, s.name AS to, CAST(e.data AS text) AS data FROM outbound_webhooks w JOIN events e ON e.id = w.event_id"
        " JOIN subscribers s ON s.id = w.subscriber_id WHERE e.type LIKE 'subscriber.%' OR e.type = 'outbound.dead' ORDER BY w.id"
    )
    return [{"type": row.type, "to": row.to, **json.loads(row.data)} for row in rows]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ((K.HTTP_5XX,), (1, True, False)),
        ((K.HTTP_5XX, K.TIMEOUT, K.HTTP_4XX), (3, True, False)),
        ((K.HTTP_5XX, K.DELIVERED), (0, False, True)),
        ((K.HTTP_5XX, K.DELIVERED, K.RESET), (1, True, True)),
        ((K.OWN_SIDE, K.OWN_SIDE), (0, False, False)),
        ((K.OWN_SIDE, K.DNS, K.OWN_SIDE), (1, True, False)),
    ],
)
async def test_failures_are_counted_from_the_last_success_and_ours_not_at_all(
    world: DeliverySetup, kinds: tuple[OutcomeKind, ...], expected: tuple[int, bool, bool]
) -> None:
    shop, _ = await world.subscriber(URL)
    await attempts(world, *kinds)
    assert (*expected, "active") == await health(world, shop)


async def test_failures_add_up_over_batches_and_since_stays(world: DeliverySetup) -> None:
    shop, _ = await world.subscriber(URL)
    await attempts(world, K.HTTP_5XX)
    await world.run("UPDATE subscribers SET failing_since = failing_since - interval '1 minute'")
    [before] = await world.rows("SELECT failing_since FROM subscribers")
    await attempts(world, K.HTTP_5XX, K.HTTP_5XX)
    assert (3, True, False, "active") == await health(world, shop)
    assert [before] == await world.rows("SELECT failing_since FROM subscribers")
    await attempts(world, K.DELIVERED)
    assert (0, False, True, "active") == await health(world, shop)


async def test_a_result_that_is_fenced_out_says_nothing_of_the_subscriber(
    world: DeliverySetup,
) -> None:
    shop, _ = await world.subscriber(URL)
    await world.event()
    [stale] = await take(world, lease=timedelta(0))
    await take(world)
    async with world.sessions.begin() as session:
        assert Recorded(frozenset()) == await record(session, [result(stale, K.HTTP_5XX)])
    assert (0, False, False, "active") == await health(world, shop)


async def test_failing_for_so_long_pauses_and_what_is_owed_is_held(world: DeliverySetup) -> None:
    shop, _ = await world.subscriber(URL)
    await attempts(world, K.HTTP_5XX)
    await world.run("UPDATE subscribers SET failing_since = now() - interval '4 days 23 hours'")
    assert not {change.event_type for change in (await attempts(world, K.HTTP_5XX)).changes} & {
        "subscriber.paused"
    }
    await world.run("UPDATE subscribers SET failing_since = now() - interval '5 days'")
    [change] = (await attempts(world, K.TIMEOUT)).changes
    assert ("subscriber.paused", "failing", 3) == (
        change.event_type,
        change.reason,
        change.failures,
    )
    assert (3, True, False, "paused") == await health(world, shop)
    event = await world.event()
    assert await take(world) == []
    assert [("pending",)] == [
        tuple(row)
        for row in await world.rows(
            "SELECT state FROM outbound_webhooks WHERE event_id = :id", id=event
        )
    ]


async def test_the_tenth_failure_in_a_row_is_told_once(world: DeliverySetup) -> None:
    await world.subscriber(URL, name="shop")
    await world.subscriber(URL, name="watcher", event_types=SIGNALS)
    assert not (await attempts(world, *[K.HTTP_5XX] * 9)).has_health_events
    recorded = await attempts(world, K.TIMEOUT)
    assert recorded.has_health_events
    assert ["subscriber.failing"] == [change.event_type for change in recorded.changes]
    assert not (await attempts(world, *[K.HTTP_5XX] * 15)).has_health_events
    [signal] = await told(world)
    since = signal.pop("since")
    assert {
        "type": "subscriber.failing",
        "to": "watcher",
        "subscriber": "shop",
        "reason": "timeout",
        "failures": 10,
    } == signal
    [event] = await world.rows("SELECT * FROM events WHERE type = 'subscriber.failing'")
    assert event.id.version == 7
    assert (event.order_no, event.position, since[-1], len(since)) == (
        None,
        None,
        "Z",
        len("2026-11-23T03:51:00.123456Z"),
    )


async def test_failing_for_ten_minutes_is_told(world: DeliverySetup) -> None:
    await world.subscriber(URL, name="shop")
    await attempts(world, K.HTTP_5XX)
    await world.run("UPDATE subscribers SET failing_since = now() - interval '601 s'")
    assert ["subscriber.failing"] == [
        change.event_type for change in (await attempts(world, K.REFUSED)).changes
    ]


async def test_recovery_is_told_only_after_failure_was(world: DeliverySetup) -> None:
    await world.subscriber(URL, name="shop")
    await world.subscriber(URL, name="watcher", event_types=SIGNALS)
    await attempts(world, K.HTTP_5XX)
    assert not (await attempts(world, K.DELIVERED)).changes
    await attempts(world, *[K.HTTP_5XX] * 10)
    assert ["subscriber.recovered"] == [
        change.event_type for change in (await attempts(world, K.DELIVERED)).changes
    ]
    assert not (await attempts(world, K.DELIVERED)).changes
    assert ["subscriber.failing", "subscriber.recovered"] == [
        signal["type"] for signal in await told(world)
    ]


async def test_only_others_that_name_the_type_are_told(world: DeliverySetup) -> None:
    for name, types in (
        ("shop", None),
        ("all", None),
        ("payments", ["payment.confirmed"]),
        ("dead", ["outbound.dead"]),
        ("watcher", SIGNALS),
    ):
        await world.subscriber(URL, name=name, event_types=types)
    await world.subscriber(URL, name="removed", event_types=SIGNALS, state="removed")
    await world.subscriber(URL, name="paused", event_types=SIGNALS, state="paused")
    await world.event()
    mine = [webhook for webhook in await take(world) if webhook.target.url == URL][:1]
    async with world.sessions.begin() as session:
        await record(session, [result(webhook, K.GONE, http_status=410) for webhook in mine])
    signals = {(signal["type"], signal["to"]) for signal in await told(world)}
    assert {
        ("subscriber.paused", "watcher"),
        ("subscriber.paused", "paused"),
        ("outbound.dead", "dead"),
        ("outbound.dead", "watcher"),
        ("outbound.dead", "paused"),
    } == signals


async def test_nobody_is_told_of_itself(world: DeliverySetup) -> None:
    shop, _ = await world.subscriber(URL, event_types=["payment.received", *SIGNALS])
    await attempts(world, K.GONE, wait=None)
    assert "paused" == (await health(world, shop))[-1]
    assert [] == await told(world)


async def test_a_dead_webhook_is_told_with_what_identifies_it(world: DeliverySetup) -> None:
    await world.subscriber(URL, name="shop")
    await world.subscriber(URL, name="watcher", event_types=["outbound.dead"])
    event = await world.event("1234-56789-01234", 2)
    [webhook] = await take(world)
    async with world.sessions.begin() as session:
        assert (await record(session, [result(webhook, K.HTTP_4XX)])).has_health_events
    [signal] = await told(world)
    del signal["since"]
    assert {
        "type": "outbound.dead",
        "to": "watcher",
        "subscriber": "shop",
        "reason": "http_4xx",
        "attempts": 1,
        "event": {
            "id": str(event),
            "type": "payment.received",
            "order_no": "1234-56789-01234",
            "sequence": 2,
        },
    } == signal


async def test_a_signal_that_dies_makes_no_signal(world: DeliverySetup) -> None:
    await world.subscriber(URL, name="shop")
    for name in ("watcher", "other watcher"):
        await world.subscriber(URL, name=name, event_types=["outbound.dead"])
    await attempts(world, K.HTTP_4XX, wait=None)
    assert 2 == len(await told(world))
    await world.run(
        "UPDATE outbound_webhooks SET state = 'pending' WHERE event_id IN (SELECT id FROM events WHERE type = 'outbound.dead')"
    )
    signals = await take(world)
    assert ["outbound.dead"] * 2 == [webhook.event_type for webhook in signals]
    async with world.sessions.begin() as session:
        assert not (
            await record(session, [result(webhook, K.HTTP_4XX) for webhook in signals])
        ).has_health_events
    assert 2 == len(await told(world))


async def test_where_nobody_asks_nothing_is_stored(world: DeliverySetup) -> None:
    await world.subscriber(URL)
    recorded = await attempts(world, *[K.HTTP_4XX] * 10, wait=None)
    assert (["subscriber.failing"], False) == (
        [change.event_type for change in recorded.changes],
        recorded.has_health_events,
    )
    assert {"payment.received"} == {row.type for row in await world.rows("SELECT type FROM events")}


async def test_a_busy_subscribers_success_is_not_written_each_time(world: DeliverySetup) -> None:
    await world.subscriber(URL)
    versions = set()
    for _ in range(3):
        await attempts(world, K.DELIVERED)
        versions |= {
            row.xmin
            for row in await world.rows(
                "SELECT CAST(CAST(xmin AS text) AS bigint) AS xmin FROM subscribers"
            )
        }
    assert 1 == len(versions)


async def capped(world: DeliverySetup, subscriber: UUID) -> bool:
    [row] = await world.rows(
        "SELECT capped_at IS NOT NULL AS capped FROM subscribers WHERE id = :id", id=subscriber
    )
    return bool(row.capped)


@pytest.mark.parametrize(
    ("outcome", "milliseconds", "expected"),
    [
        (K.TIMEOUT, 500, True),
        (K.HTTP_5XX, 1_500, True),
        (K.HTTP_5XX, 500, False),
        (K.REFUSED, 5, False),
        (K.DELIVERED, 9_000, False),
        (K.OWN_SIDE, 2_500, True),
        (K.OWN_SIDE, 5, False),
    ],
)
async def test_a_timeout_or_a_slow_failure_caps_a_subscriber_until_a_success(
    world: DeliverySetup, outcome: OutcomeKind, milliseconds: int, *, expected: bool
) -> None:
    shop, _ = await world.subscriber(URL)
    await world.event()
    await world.event()
    first, second = await take(world)
    async with world.sessions.begin() as session:
        await record(session, [result(first, outcome, LATER, duration_ms=milliseconds)])
    assert expected is await capped(world, shop)
    async with world.sessions.begin() as session:
        await record(session, [result(second, K.DELIVERED)])
    assert not await capped(world, shop)


async def test_ten_quick_failures_in_a_row_cap_a_subscriber_too(world: DeliverySetup) -> None:
    shop, _ = await world.subscriber(URL)
    await attempts(world, *[K.HTTP_5XX] * 9)
    assert not await capped(world, shop)
    await attempts(world, K.HTTP_5XX)
    assert await capped(world, shop)
    await attempts(world, K.DELIVERED)
    assert not await capped(world, shop)


async def test_a_failure_behind_a_success_of_the_same_batch_caps(world: DeliverySetup) -> None:
    shop, _ = await world.subscriber(URL)
    await attempts(world, K.DELIVERED, K.TIMEOUT)
    assert await capped(world, shop)
