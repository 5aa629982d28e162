"""Health of subscribers: failures that count, pauses, and the events about them."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.events.payload import body
from app.forwarding.attempts.sql import Recorded, record
from app.forwarding.outcome import OutcomeKind
from tests.event_schemas import faults_of
from tests.forwarding.delivery_setup import DeliverySetup
from tests.forwarding.queue.test_claims import URL, result, take

K = OutcomeKind
HEALTH_TYPES = ["subscriber.failing", "subscriber.paused", "subscriber.recovered", "outbound.dead"]
LATER = timedelta(0)


async def attempts(
    setup: DeliverySetup,
    *kinds: OutcomeKind,
    wait: timedelta | None = LATER,
    pause_after: timedelta = timedelta(days=5),
) -> Recorded:
    """Record one batch with a result of each of `kinds`, for the subscriber of order events."""
    for _ in kinds:
        await setup.event()
    claimed = await take(setup)
    for _ in kinds:  # a capped subscriber gets one webhook per claim
        claimed += await take(setup, capped=True)
    taken = [webhook for webhook in claimed if webhook.event_type == "payment.received"][
        : len(kinds)
    ]
    assert len(taken) == len(kinds)
    async with setup.sessions.begin() as session:
        results = [result(webhook, kind, wait) for webhook, kind in zip(taken, kinds, strict=True)]
        recorded = await record(session, results, pause_after=pause_after)
    await setup.run("UPDATE outbound_webhooks SET state = 'cancelled' WHERE state = 'pending'")
    return recorded


async def health(setup: DeliverySetup, subscriber: UUID) -> tuple[int, bool, bool, str]:
    [row] = await setup.rows("SELECT * FROM subscribers WHERE id = :id", id=subscriber)
    return row.failures, row.failing_since is not None, row.last_success_at is not None, row.state


async def reported(setup: DeliverySetup) -> list[dict[str, Any]]:
    """Return the enqueued health events, the oldest first: type, recipient and data.

    Their webhooks must match the schemas.
    """
    rows = await setup.rows(
        "SELECT e.type, e.created_at, s.name AS to, CAST(e.data AS text) AS data "
        "FROM outbound_webhooks w "
        "JOIN events e ON e.id = w.event_id JOIN subscribers s ON s.id = w.subscriber_id "
        "WHERE e.type LIKE 'subscriber.%' OR e.type = 'outbound.dead' ORDER BY w.id"
    )
    for row in rows:
        assert [] == faults_of(json.loads(body(row.type, row.created_at, row.data)))
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
async def test_failures_count_from_the_last_success_and_our_own_not_at_all(
    setup: DeliverySetup, kinds: tuple[OutcomeKind, ...], expected: tuple[int, bool, bool]
) -> None:
    shop, _ = await setup.subscriber(URL)
    await attempts(setup, *kinds)
    assert (*expected, "active") == await health(setup, shop)


async def test_failures_add_up_over_batches_and_since_stays(setup: DeliverySetup) -> None:
    shop, _ = await setup.subscriber(URL)
    await attempts(setup, K.HTTP_5XX)
    await setup.run("UPDATE subscribers SET failing_since = failing_since - interval '1 minute'")
    [before] = await setup.rows("SELECT failing_since FROM subscribers")
    await attempts(setup, K.HTTP_5XX, K.HTTP_5XX)
    assert (3, True, False, "active") == await health(setup, shop)
    assert [before] == await setup.rows("SELECT failing_since FROM subscribers")
    await attempts(setup, K.DELIVERED)
    assert (0, False, True, "active") == await health(setup, shop)


async def test_a_fenced_out_result_does_not_change_health(
    setup: DeliverySetup,
) -> None:
    shop, _ = await setup.subscriber(URL)
    await setup.event()
    [stale] = await take(setup, lease=timedelta(0))
    await take(setup)
    async with setup.sessions.begin() as session:
        assert Recorded(frozenset()) == await record(session, [result(stale, K.HTTP_5XX)])
    assert (0, False, False, "active") == await health(setup, shop)


async def test_failing_for_too_long_pauses_and_keeps_the_backlog(setup: DeliverySetup) -> None:
    shop, _ = await setup.subscriber(URL)
    await attempts(setup, K.HTTP_5XX)
    await setup.run("UPDATE subscribers SET failing_since = now() - interval '4 days 23 hours'")
    assert not {change.event_type for change in (await attempts(setup, K.HTTP_5XX)).changes} & {
        "subscriber.paused"
    }
    await setup.run("UPDATE subscribers SET failing_since = now() - interval '5 days'")
    [change] = (await attempts(setup, K.TIMEOUT)).changes
    assert ("subscriber.paused", "failing", 3) == (
        change.event_type,
        change.reason,
        change.failures,
    )
    assert (3, True, False, "paused") == await health(setup, shop)
    event = await setup.event()
    assert await take(setup) == []
    assert [("pending",)] == [
        tuple(row)
        for row in await setup.rows(
            "SELECT state FROM outbound_webhooks WHERE event_id = :id", id=event
        )
    ]


async def test_the_tenth_failure_in_a_row_is_reported_once(setup: DeliverySetup) -> None:
    await setup.subscriber(URL, name="shop")
    await setup.subscriber(URL, name="watcher", event_types=HEALTH_TYPES)
    assert not (await attempts(setup, *[K.HTTP_5XX] * 9)).has_health_events
    recorded = await attempts(setup, K.TIMEOUT)
    assert recorded.has_health_events
    assert ["subscriber.failing"] == [change.event_type for change in recorded.changes]
    assert not (await attempts(setup, *[K.HTTP_5XX] * 15)).has_health_events
    [found] = await reported(setup)
    since = found.pop("since")
    assert {
        "type": "subscriber.failing",
        "to": "watcher",
        "subscriber": "shop",
        "reason": "timeout",
        "failures": 10,
    } == found
    [event] = await setup.rows("SELECT * FROM events WHERE type = 'subscriber.failing'")
    assert event.id.version == 7
    assert (event.order_no, event.position, since[-1], len(since)) == (
        None,
        None,
        "Z",
        len("2026-11-23T03:51:00.123456Z"),
    )


async def test_failing_for_ten_minutes_is_reported(setup: DeliverySetup) -> None:
    await setup.subscriber(URL, name="shop")
    await attempts(setup, K.HTTP_5XX)
    await setup.run("UPDATE subscribers SET failing_since = now() - interval '601 s'")
    assert ["subscriber.failing"] == [
        change.event_type for change in (await attempts(setup, K.REFUSED)).changes
    ]


async def test_recovery_is_reported_only_after_a_reported_failure(setup: DeliverySetup) -> None:
    await setup.subscriber(URL, name="shop")
    await setup.subscriber(URL, name="watcher", event_types=HEALTH_TYPES)
    await attempts(setup, K.HTTP_5XX)
    assert not (await attempts(setup, K.DELIVERED)).changes
    await attempts(setup, *[K.HTTP_5XX] * 10)
    assert ["subscriber.recovered"] == [
        change.event_type for change in (await attempts(setup, K.DELIVERED)).changes
    ]
    assert not (await attempts(setup, K.DELIVERED)).changes
    assert ["subscriber.failing", "subscriber.recovered"] == [
        found["type"] for found in await reported(setup)
    ]


async def test_only_others_that_name_the_type_get_the_event(setup: DeliverySetup) -> None:
    for name, types in (
        ("shop", None),
        ("all", None),
        ("payments", ["payment.confirmed"]),
        ("dead", ["outbound.dead"]),
        ("watcher", HEALTH_TYPES),
    ):
        await setup.subscriber(URL, name=name, event_types=types)
    await setup.subscriber(URL, name="removed", event_types=HEALTH_TYPES, state="removed")
    await setup.subscriber(URL, name="paused", event_types=HEALTH_TYPES, state="paused")
    await setup.event()
    mine = [webhook for webhook in await take(setup) if webhook.target.url == URL][:1]
    async with setup.sessions.begin() as session:
        await record(session, [result(webhook, K.GONE, http_status=410) for webhook in mine])
    found = {(found["type"], found["to"]) for found in await reported(setup)}
    assert {
        ("subscriber.paused", "watcher"),
        ("subscriber.paused", "paused"),
        ("outbound.dead", "dead"),
        ("outbound.dead", "watcher"),
        ("outbound.dead", "paused"),
    } == found


async def test_no_subscriber_gets_an_event_about_itself(setup: DeliverySetup) -> None:
    shop, _ = await setup.subscriber(URL, event_types=["payment.received", *HEALTH_TYPES])
    await attempts(setup, K.GONE, wait=None)
    assert "paused" == (await health(setup, shop))[-1]
    assert [] == await reported(setup)


async def test_the_event_about_a_dead_webhook_identifies_it(setup: DeliverySetup) -> None:
    await setup.subscriber(URL, name="shop")
    await setup.subscriber(URL, name="watcher", event_types=["outbound.dead"])
    event = await setup.event("1234-56789-01234", 2)
    [webhook] = await take(setup)
    async with setup.sessions.begin() as session:
        assert (await record(session, [result(webhook, K.HTTP_4XX)])).has_health_events
    [found] = await reported(setup)
    del found["since"]
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
    } == found


async def test_a_health_event_that_dies_makes_no_event(setup: DeliverySetup) -> None:
    await setup.subscriber(URL, name="shop")
    for name in ("watcher", "other watcher"):
        await setup.subscriber(URL, name=name, event_types=["outbound.dead"])
    await attempts(setup, K.HTTP_4XX, wait=None)
    assert 2 == len(await reported(setup))
    await setup.run(
        "UPDATE outbound_webhooks SET state = 'pending' "
        "WHERE event_id IN (SELECT id FROM events WHERE type = 'outbound.dead')"
    )
    found = await take(setup)
    assert ["outbound.dead"] * 2 == [webhook.event_type for webhook in found]
    async with setup.sessions.begin() as session:
        assert not (
            await record(session, [result(webhook, K.HTTP_4XX) for webhook in found])
        ).has_health_events
    assert 2 == len(await reported(setup))


async def test_without_a_recipient_nothing_is_stored(setup: DeliverySetup) -> None:
    await setup.subscriber(URL)
    recorded = await attempts(setup, *[K.HTTP_4XX] * 10, wait=None)
    assert (["subscriber.failing"], False) == (
        [change.event_type for change in recorded.changes],
        recorded.has_health_events,
    )
    assert {"payment.received"} == {row.type for row in await setup.rows("SELECT type FROM events")}


async def test_a_busy_subscribers_success_is_not_written_each_time(setup: DeliverySetup) -> None:
    await setup.subscriber(URL)
    versions = set()
    for _ in range(3):
        await attempts(setup, K.DELIVERED)
        versions |= {
            row.xmin
            for row in await setup.rows(
                "SELECT CAST(CAST(xmin AS text) AS bigint) AS xmin FROM subscribers"
            )
        }
    assert 1 == len(versions)


async def capped(setup: DeliverySetup, subscriber: UUID) -> bool:
    [row] = await setup.rows(
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
    setup: DeliverySetup, outcome: OutcomeKind, milliseconds: int, *, expected: bool
) -> None:
    shop, _ = await setup.subscriber(URL)
    await setup.event()
    await setup.event()
    first, second = await take(setup)
    async with setup.sessions.begin() as session:
        await record(session, [result(first, outcome, LATER, duration_ms=milliseconds)])
    assert expected is await capped(setup, shop)
    async with setup.sessions.begin() as session:
        await record(session, [result(second, K.DELIVERED)])
    assert not await capped(setup, shop)


async def test_ten_quick_failures_in_a_row_cap_a_subscriber_too(setup: DeliverySetup) -> None:
    shop, _ = await setup.subscriber(URL)
    await attempts(setup, *[K.HTTP_5XX] * 9)
    assert not await capped(setup, shop)
    await attempts(setup, K.HTTP_5XX)
    assert await capped(setup, shop)
    await attempts(setup, K.DELIVERED)
    assert not await capped(setup, shop)


async def test_a_failure_after_a_success_of_the_same_batch_caps(setup: DeliverySetup) -> None:
    shop, _ = await setup.subscriber(URL)
    await attempts(setup, K.DELIVERED, K.TIMEOUT)
    assert await capped(setup, shop)
