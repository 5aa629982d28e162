"""Watch: measures backlogs and the baseline cheaply, and sets the metrics."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app import metrics
from app.clock import uuid7_floor
from app.db.connections import Connection, connect
from app.operations.monitoring import snapshot_gauges
from app.operations.monitoring.baseline import COUNT, Baseline
from app.operations.monitoring.collector import Watch
from app.operations.monitoring.snapshot import (
    COUNT_LIMIT,
    OPEN_REVIEWS,
    QUEUES,
    SUBSCRIBERS,
    read_snapshot,
)
from app.operations.subscribers.pause import pause_subscriber
from tests.operations.operations_setup import (
    EMAIL,
    NAME,
    OPERATOR,
    ORDER_NO,
    SOURCE,
    TELNO,
    OperationsSetup,
)

_NOTICE = (
    "INSERT INTO notices (id, lane, received_at, source, method, target, headers, body, verdict, "
    "order_no) "
    "SELECT CAST(lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || "
    "substr(md5(at::text || n), 1, 3) || '8' || "
    "substr(md5(n || at::text), 1, 15) AS uuid), n % 16, at, '192.0.2.10', 'GET', '', '', '', "
    "{verdict}, 'o' || n "
    "FROM generate_series(1, {count}) n, LATERAL (SELECT {at} AS at) moment"
)


def _samples() -> dict[tuple[str, str], float]:
    """Return the samples of the exposition by name and the value of the only label."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in families
        for sample in family.samples
    }


async def _calls(setup: OperationsSetup, begin: datetime, *, count: int, seconds: float) -> None:
    """Record calls at equal distances from `begin` on."""
    at = f"timestamptz '{begin.isoformat()}' + (n - 1) * interval '{seconds} seconds'"
    await setup.run(_NOTICE.format(count=count, at=at, verdict="'accepted'").replace(":", r"\:"))


async def test_an_empty_database_has_no_backlog(setup: OperationsSetup) -> None:
    measured = await Watch(setup.sessions).measure()
    current = measured.snapshot
    assert (None, 0, None, ()) == (
        current.last_call_at,
        current.unjudged,
        current.unjudged_seconds,
        current.subscribers,
    )
    assert (0, 0) == (measured.expectation.per_hour, measured.expectation.since_last)


async def test_backlogs_are_counted_with_their_age(setup: OperationsSetup) -> None:
    await setup.add("shop", "https://shop.example/hooks")
    await setup.add("books", "https://books.example/hooks", event_types=["payment.confirmed"])
    await pause_subscriber(setup.sessions, "books", "maintenance", OPERATOR)
    await setup.judged("01", "04")
    await setup.call("05")
    await setup.run(
        "UPDATE outbound_webhooks SET created_at = now() - interval '20 minutes' WHERE sequence = 1"
    )
    await setup.run(
        "UPDATE notices SET received_at = now() - interval '1 minute' WHERE verdict IS NULL"
    )
    snapshot_gauges.expose()
    await Watch(setup.sessions).measure()
    found = _samples()
    assert 1 == found["zeus_relay_unjudged_notices", ""]
    assert 60 <= found["zeus_relay_unjudged_oldest_seconds", ""] < 120
    assert (2, 0) == tuple(
        found["zeus_relay_undelivered_webhooks", name] for name in ("shop", "books")
    )
    assert 1200 <= found["zeus_relay_undelivered_oldest_seconds", "shop"] < 1260
    assert (0, 1) == tuple(
        found["zeus_relay_subscriber_paused", name] for name in ("shop", "books")
    )
    assert (1, 1) == tuple(found["zeus_relay_subscribers", state] for state in ("active", "paused"))
    assert (
        abs(datetime.now(UTC).timestamp() - found["zeus_relay_measured_timestamp_seconds", ""]) < 60
    )


async def test_a_removed_subscriber_leaves_the_metrics(setup: OperationsSetup) -> None:
    await setup.add("shop", "https://shop.example/hooks")
    snapshot_gauges.expose()
    watch = Watch(setup.sessions)
    await watch.measure()
    assert ("zeus_relay_undelivered_webhooks", "shop") in _samples()
    await setup.run("UPDATE subscribers SET state = 'removed'")
    await watch.measure()
    assert ("zeus_relay_undelivered_webhooks", "shop") not in _samples()


async def test_open_reviews_are_counted_until_they_are_settled(setup: OperationsSetup) -> None:
    quarantined, _ = await setup.judged("99", "01")
    await setup.judged("01", money="9999")
    await setup.run(
        "INSERT INTO outbound_webhooks (event_id, subscriber_id, state) "
        "SELECT gen_random_uuid(), :id, 'dead' FROM generate_series(1, 2)",
        id=(await setup.subscriber("https://shop.example/hooks"))[0],
    )
    async with setup.sessions() as session:
        current = await read_snapshot(session)
    assert (1, 1, 2) == (current.quarantined, current.conflicts, current.dead)
    assert {"quarantined": 1, "conflict": 1} == _above_zero(current.open_reviews)
    await setup.run("UPDATE notices SET dismissed_at = now() WHERE id = :id", id=quarantined)
    async with setup.sessions() as session:
        assert 0 == (await read_snapshot(session)).quarantined
    await setup.run("UPDATE reviews SET settled_at = now() WHERE reason = 'quarantined'")
    snapshot_gauges.expose()
    await Watch(setup.sessions).measure()
    found = _samples()
    assert (0, 1) == tuple(
        found["zeus_relay_open_reviews", reason] for reason in ("quarantined", "conflict")
    )


def _above_zero(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize(
    ("health", "failing"),
    [
        ("failures = 0, failing_since = NULL", False),
        ("failures = 9, failing_since = now() - interval '9 minutes'", False),
        ("failures = 10, failing_since = now() - interval '1 second'", True),
        ("failures = 1, failing_since = now() - interval '10 minutes'", True),
    ],
)
async def test_a_subscriber_is_failing_by_its_health_not_its_backlog(
    setup: OperationsSetup, health: str, failing: bool
) -> None:
    await setup.add("shop", "https://shop.example/hooks")
    await setup.judged("01")
    await setup.run(
        "UPDATE outbound_webhooks SET attempts = 1, due_at = now() + interval '5 minutes'"
    )
    await setup.run(f"UPDATE subscribers SET {health}")
    async with setup.sessions() as session:
        assert [failing] == [
            subscriber.failing_since is not None
            for subscriber in (await read_snapshot(session)).subscribers
        ]


async def test_the_baseline_is_the_mean_of_the_same_hour_in_four_weeks(
    setup: OperationsSetup,
) -> None:
    monday = datetime(2026, 11, 23, 9, tzinfo=UTC)
    for week, count in ((1, 60), (2, 30), (3, 30), (4, 0)):
        await _calls(setup, monday - timedelta(weeks=week), count=count, seconds=60)
    await _calls(
        setup, monday - timedelta(weeks=5), count=1, seconds=1
    )  # four complete weeks of service
    await _calls(setup, monday - timedelta(days=1), count=50, seconds=60)  # another day of the week
    at = monday + timedelta(minutes=45)
    async with setup.sessions() as session:
        expectation = await Baseline().read(session, at, at - timedelta(minutes=20))
    assert expectation.per_hour == 30
    assert expectation.since_last == pytest.approx(10)


async def test_a_quiet_night_is_not_reported_in_the_first_minute_of_the_morning(
    setup: OperationsSetup,
) -> None:
    monday = datetime(2026, 11, 23, 9, tzinfo=UTC)
    for week in (1, 2, 3, 4):
        await _calls(setup, monday - timedelta(weeks=week), count=60, seconds=60)
    baseline, last_call_at = Baseline(), monday - timedelta(hours=10)
    async with setup.sessions() as session:
        expected = [
            (
                await baseline.read(session, monday + timedelta(minutes=past), last_call_at)
            ).since_last
            for past in (1, 15, 59)
        ]
    assert [pytest.approx(1), pytest.approx(15), pytest.approx(59)] == expected


async def test_a_young_service_uses_the_weeks_that_it_has(setup: OperationsSetup) -> None:
    monday = datetime(2026, 11, 23, 9, tzinfo=UTC)
    await _calls(setup, monday - timedelta(weeks=1), count=40, seconds=60)
    at = monday + timedelta(minutes=30)
    async with setup.sessions() as session:
        assert 40 == (await Baseline().read(session, at, at)).per_hour
        assert (
            0
            == (
                await Baseline().read(
                    session, monday - timedelta(days=2), monday - timedelta(days=6)
                )
            ).since_last
        )


async def test_the_watch_continues_if_the_database_does_not_answer(setup: OperationsSetup) -> None:
    seen: list[Any] = []

    async def note(measured: Any) -> None:
        seen.append(measured)

    await setup.run("ALTER TABLE notices RENAME TO gone")
    running = asyncio.create_task(Watch(setup.sessions, note, seconds=0.05).run())
    await asyncio.sleep(0.3)
    assert {None} == set(seen)
    await setup.run("ALTER TABLE gone RENAME TO notices")
    async with asyncio.timeout(20):
        while seen[-1] is None:
            await asyncio.sleep(0.05)
    running.cancel()


async def test_the_metrics_contain_no_value_of_a_call(setup: OperationsSetup) -> None:
    await setup.add("shop", "https://shop.example/hooks")
    await setup.judged("01", "99")
    snapshot_gauges.expose()
    await Watch(setup.sessions).measure()
    text = metrics.exposition().decode()
    assert [] == [
        word
        for word in (NAME, TELNO, EMAIL, SOURCE, ORDER_NO, "2012000001", "secret-part")
        if word in text
    ]


@pytest.fixture
async def full(setup: OperationsSetup) -> AsyncIterator[Connection]:
    """A connection to a large database with statistics: many settled rows and a long backlog."""
    connection = await connect(setup.url)
    await connection.execute(
        _NOTICE.format(
            count=60_000, at="now() - (n % 2400000) * interval '40 seconds'", verdict="'accepted'"
        )
    )
    await connection.execute(
        _NOTICE.format(count=300, at="now() - n * interval '1 hour'", verdict="'quarantined'")
    )
    for _ in range(5):
        await setup.subscriber("https://shop.example/hooks")
    for state, count in (("delivered", 60_000), ("pending", 15_000), ("dead", 100)):
        await connection.execute(
            "INSERT INTO outbound_webhooks (event_id, subscriber_id, order_no, sequence, state, "
            "attempts) "
            f"SELECT gen_random_uuid(), s.id, 'o' || n, 1, '{state}', n % 2 "
            "FROM (SELECT id FROM subscribers LIMIT 1) s, "
            f"generate_series(1, {count}) n"
        )
    await connection.execute(
        "INSERT INTO reviews (id, reason, order_no, details, opened_at, settled_at) "
        "SELECT gen_random_uuid(), 'conflict', 'o' || n, '{}', now(), "
        "CASE WHEN n > 15000 THEN now() END FROM generate_series(1, 60000) n"
    )
    await connection.execute(
        "INSERT INTO applications (id, key, request_hash, created_by, state, clientip, money, "
        "pay_cvs, sendpoint, form) "
        "SELECT gen_random_uuid(), n::text, '', 'shop', "
        "CASE WHEN n > 100 THEN 'accepted' ELSE 'unknown' END, '2012000001', 5400, 'D002', '', '' "
        "FROM generate_series(1, 60000) n"
    )
    await connection.execute("VACUUM ANALYZE")
    yield connection
    await connection.close()


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", []) for node in _nodes(part))]


async def _read(connection: Connection, statement: str, *values: Any) -> tuple[list[str], float]:
    """Return the tables that a statement scans whole, and the most rows that one step reads."""
    found = json.loads(
        await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *values)
    )
    nodes = _nodes(found[0]["Plan"])
    whole = [
        node["Relation Name"]
        for node in nodes
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] != "subscribers"
    ]
    return whole, max(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in nodes
    )


async def test_a_measurement_scans_no_table(full: Connection) -> None:
    for statement in (QUEUES, SUBSCRIBERS):
        whole, most = await _read(full, statement.text)
        assert ([], True) == (whole, most <= COUNT_LIMIT + 10)
    reviews = OPEN_REVIEWS.text.replace(":reasons", "$1")
    whole, most = await _read(full, reviews, ["conflict", "quarantined"])
    assert ([], COUNT_LIMIT) == (whole, most)  # of 15,000 open ones
    begin = datetime.now(UTC) - timedelta(days=7)
    firsts = [uuid7_floor(begin - timedelta(weeks=week)) for week in range(4)]
    nexts = [uuid7_floor(begin - timedelta(weeks=week) + timedelta(hours=1)) for week in range(4)]
    whole, most = await _read(
        full,
        COUNT.text.replace(":firsts", "$1::uuid[]").replace(":nexts", "$2::uuid[]"),
        firsts,
        nexts,
    )
    assert ([], True) == (whole, most < 1_000)
