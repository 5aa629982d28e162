"""Plans of delivery's statements: index scans of a few rows, beside any backlog and history."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import uuid7
from app.crypto.vault import Vault
from app.db.connections import HELD_TO_INDEXES, Connection, connect
from app.db.engine import Sessions, make_engine, make_sessions
from app.forwarding.attempts.sql import RECORD, AttemptResult, parameters_of, record
from app.forwarding.outcome import OutcomeKind
from app.forwarding.queue.claims import CLAIM, UNWIND, claim
from app.forwarding.queue.due_bounds import FIRST_DUE, NO_BOUNDS
from app.forwarding.queue.leases import RELEASE, RENEW
from app.forwarding.queue.order_sequence import PARK, park
from app.forwarding.recovery_jobs import EVERYTHING, UNDELIVERED
from app.forwarding.subscribers.backlog import READY
from app.forwarding.subscribers.removal import CANCEL
from tests.conftest import TEMPLATE, with_database
from tests.forwarding.delivery_setup import KEY, DeliverySetup
from tests.forwarding.stored_events import FAN_OUT_STORED, fan_out

STATEMENTS = {
    "claim": CLAIM,
    "park": PARK,
    "unwind": UNWIND,
    "renew": RENEW,
    "release": RELEASE,
    "record": RECORD,
    "fan out": FAN_OUT_STORED,
    "recover": UNDELIVERED,
    "recover everything": EVERYTHING,
    "cancel leftovers": CANCEL,
    "first due": FIRST_DUE,
    "ready a backlog": READY,
}
BIG = ("outbound_webhooks", "events", "attempts")


@pytest.fixture(scope="module")
def full_url(postgres_url: str) -> Iterator[str]:
    """Database with 200,000 outbound webhooks and statistics.

    Half are delivered, half pending for a paused subscriber; a few are due.
    """
    name = f"full_{uuid4().hex}"
    url = with_database(postgres_url, name)
    asyncio.run(_execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    asyncio.run(_fill(url))
    yield url
    asyncio.run(_execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(url: str, *statements: str) -> None:
    connection = await connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def _fill(url: str) -> None:
    engine = make_engine(url)
    setup = DeliverySetup(make_sessions(engine), url, Vault([KEY]))
    for _ in range(9):
        await setup.subscriber("https://shop.example/hooks")
    paused, _ = await setup.subscriber("https://shop.example/hooks", state="paused")
    await _execute(
        url,
        "INSERT INTO events (id, type, order_no, sequence, created_at, data) "
        "SELECT gen_random_uuid(), 'payment.received', 'o' || n, 1, now(), '{}' "
        "FROM generate_series(1, 50000) n",
        "INSERT INTO outbound_webhooks "
        "(event_id, subscriber_id, order_no, sequence, state, due_at) "
        "SELECT e.id, s.id, e.order_no, 1, 'delivered', now() - interval '1 day' "
        "FROM events e, (SELECT id FROM subscribers WHERE state = 'active' ORDER BY id LIMIT 2) s",
        "INSERT INTO outbound_webhooks (event_id, subscriber_id, order_no, sequence, due_at) "
        f"SELECT gen_random_uuid(), '{paused}', 'p' || n, 1, now() - interval '1 hour' "
        "FROM generate_series(1, 100000) n",
        "INSERT INTO attempts (outbound_webhook_id, number, started_at, duration_ms, outcome) "
        "SELECT id, 1, due_at, 5, 'delivered' FROM outbound_webhooks WHERE state = 'delivered'",
    )
    for _ in range(3):
        await setup.event()
    await engine.dispose()
    await _execute(
        url,
        "VACUUM ANALYZE",
        # Rows after the statistics: a thousand future retries for each active subscriber.
        "INSERT INTO outbound_webhooks "
        "(event_id, subscriber_id, order_no, sequence, due_at, attempts) "
        "SELECT gen_random_uuid(), s.id, 'r' || n, 1, now() + interval '1 hour', 2 "
        "FROM subscribers s, generate_series(1, 1000) n WHERE s.state = 'active'",
    )


@pytest.fixture
async def sessions(full_url: str) -> AsyncIterator[Sessions]:
    """Sessions on the full database. A test must roll its changes back."""
    engine = make_engine(full_url)
    yield make_sessions(engine)
    await engine.dispose()


@pytest.fixture
async def connection(full_url: str) -> AsyncIterator[Connection]:
    """Connection to the full database."""
    made = await connect(full_url)
    yield made
    await made.close()


def numbered(statement: TextClause) -> tuple[str, list[str]]:
    """Return the statement with $1, $2 … for its parameters, and their names in that order."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return re.sub(r"(?<!:):(\w+)", number, statement.text), names


async def generic_plan(connection: Connection, statement: TextClause) -> str:
    """Return the generic plan that the server keeps for a prepared statement."""
    query, names = numbered(statement)
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE statement AS {query}")
    rows = await connection.fetch(
        "EXPLAIN EXECUTE statement" + (f" ({', '.join(['NULL'] * len(names))})" if names else "")
    )
    return "\n".join(row[0] for row in rows)


async def custom_plan(connection: Connection, statement: TextClause) -> str:
    """Return the plan that the server makes for a large batch."""
    query, names = numbered(statement)
    rows = await connection.fetch(f"EXPLAIN {query}", *[PARAMETERS[name] for name in names])
    return "\n".join(row[0] for row in rows)


def results(count: int) -> list[AttemptResult]:
    return [
        AttemptResult(
            number,
            uuid4(),
            "delivered",
            None,
            True,
            monotonic(),
            5,
            OutcomeKind.DELIVERED,
            200,
            None,
        )
        for number in range(1, 501, 500 // count)
    ]


MINUTE = timedelta(minutes=1)
PARAMETERS: dict[str, Any] = {
    "capped": False,
    "unproven_limit": 1,
    **parameters_of(results(250)),
    **NO_BOUNDS,
    "limit": 200,
    "test": "exclude",
    "retry_limit": 150,
    "resume_rate": 20,
    "busy_ids": "{}",
    "in_flight": "{}",
    "retries": "{}",
    "allowed": "{}",
    "ahead": "{}",
    "token": uuid4(),
    "lease": MINUTE,
    "order_hold": MINUTE,
    "head": 200,
    "batch": 5_000,
    "delay": MINUTE,
    "event_ids": [uuid4()],
    "cursor": uuid4(),
    "end": uuid4(),
    "event_types": ["payment.received"],
    "since": datetime.now(UTC) - MINUTE,
    "until": datetime.now(UTC),
    "subscriber_id": uuid4(),
    "types": ["payment.received"],
}


@pytest.mark.parametrize("plan_of", [generic_plan, custom_plan])
@pytest.mark.parametrize("name", sorted(STATEMENTS))
async def test_no_statement_reads_a_whole_big_table(
    connection: Connection, name: str, plan_of: Callable[[Connection, TextClause], Awaitable[str]]
) -> None:
    plan = await plan_of(connection, STATEMENTS[name])
    assert [
        line for line in plan.splitlines() if re.search(rf"Seq Scan on ({'|'.join(BIG)})\b", line)
    ] == [], plan
    # A whole index can be read too: ids must be looked up one by one, due webhooks in order.
    for scan in re.findall(r"Scan using outbound_webhooks_pkey.*\n(.*)", plan):
        assert "Index Cond" in scan, plan
    assert not re.search(r"Sort Key: w(_\d+)?\.due_at", plan), plan


async def test_a_claim_uses_the_index_made_for_each_of_its_parts(
    connection: Connection,
) -> None:
    plan = await generic_plan(connection, CLAIM)
    for index in (
        "outbound_webhooks_turn_idx",
        "outbound_webhooks_order_idx",
        "outbound_webhooks_pkey",
        "events_pkey",
    ):
        assert re.search(rf"Scan using {index}\b", plan), plan


@pytest.mark.parametrize("plan_of", [generic_plan, custom_plan])
async def test_recording_never_scans_webhooks_that_are_due_later(
    connection: Connection, plan_of: Callable[[Connection, TextClause], Awaitable[str]]
) -> None:
    assert "outbound_webhooks_turn_idx" not in await plan_of(connection, RECORD)


async def test_fan_out_finds_its_events_by_id(connection: Connection) -> None:
    plan = await generic_plan(connection, FAN_OUT_STORED)
    assert re.search(r"Index Scan (using|on) events_pkey", plan), plan


async def rows_read(session: AsyncSession) -> int:
    """Return the number of rows of the big tables that this connection has read so far."""
    query = (
        "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_all_tables "
        "WHERE relname = ANY (:big)"
    )
    return int(await session.scalar(text(query), {"big": list(BIG)}) or 0)


async def test_reads_depend_on_the_work_and_not_on_the_rows_there(
    sessions: Sessions,
) -> None:
    async with sessions() as session:
        before = await rows_read(session)
        taken = await claim(
            session, limit=200, busy=[], lease=timedelta(seconds=60), order_hold=timedelta(hours=1)
        )
        claimed = await rows_read(session)
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
        assert len((await record(session, done)).webhook_ids) == 27
        recorded = await rows_read(session)
        event = uuid7()
        await session.execute(
            text(
                "INSERT INTO events (id, type, created_at, data) "
                "VALUES (:id, 'order.failed', now(), '{}')"
            ),
            {"id": event},
        )
        assert await fan_out(session, [event]) == 10
        fanned_out = await rows_read(session)
        await session.rollback()
    assert claimed - before < 27 * 6
    assert recorded - claimed < 27 * 6
    assert fanned_out - recorded < 30


INDEXES_OF_WEBHOOKS = {
    "claim": {"turn_idx", "order_idx", "pkey"},
    "park": {"turn_idx", "order_idx", "pkey"},
    "unwind": {"turn_idx"},
    "renew": {"pkey"},
    "release": {"pkey"},
    "record": {"order_idx", "pkey"},
    "fan out": set(),
    "recover": {"event_key", "pkey"},
    "recover everything": {"event_key"},
    "cancel leftovers": {"turn_idx", "pkey"},
    "first due": {"turn_idx"},
    "ready a backlog": {"turn_idx", "pkey"},
}
FIRST_COLUMNS = {
    "turn_idx": r"\(subscriber_id = ",
    "order_idx": r"\(subscriber_id = [^)]*\) AND \(order_no = ",
    "pkey": r"\(id = ",
    "event_key": r"\(event_id = ",
}


def index_scans(plan: str) -> list[tuple[str, str]]:
    """Return each scan of an index of webhooks, with the line of its condition."""
    return re.findall(r"Scan (?:using|on) outbound_webhooks_(\w+)\b.*\n(.*)", plan)


@pytest.mark.parametrize("name", sorted(STATEMENTS))
async def test_a_plan_made_on_empty_tables_is_right_for_large_ones(
    database_url: str, name: str
) -> None:
    """Sessions keep plans from before the first call: no statistics, every index one page."""
    connection = await connect(database_url, planner=HELD_TO_INDEXES)
    try:
        plan = await generic_plan(connection, STATEMENTS[name])
    finally:
        await connection.close()
    assert not re.search(
        rf"Seq Scan on ({'|'.join(BIG)})\b|Hash (Semi |Anti |Left |)Join|hashed SubPlan", plan
    ), plan
    scans = index_scans(plan)
    assert {index for index, _ in scans} == INDEXES_OF_WEBHOOKS[name], plan
    for index, condition in scans:
        assert re.search(FIRST_COLUMNS[index], condition), plan


async def test_the_same_session_reads_little_after_the_tables_grew(database_url: str) -> None:
    """First on empty tables, then beside 20,000 webhooks of a subscriber, without ANALYZE."""
    engine = make_engine(database_url, pool_size=1, planner=HELD_TO_INDEXES)
    sessions = make_sessions(engine)
    setup = DeliverySetup(sessions, database_url, Vault([KEY]))
    subscriber, _ = await setup.subscriber("https://shop.example/hooks")
    try:
        for _ in range(8):  # from the sixth time on the server keeps a plan
            async with sessions() as session:
                await _deliver(session)
                await session.rollback()
        await _execute(
            database_url,
            "ALTER TABLE outbound_webhooks SET (autovacuum_enabled = off)",
            "INSERT INTO outbound_webhooks (event_id, subscriber_id, order_no, sequence, due_at) "
            "SELECT gen_random_uuid(), "
            f"'{subscriber}', 'later' || n, 1, now() + interval '1 hour' "
            "FROM generate_series(1, 20000) n",
        )
        for number in range(10):
            await setup.event(f"order-{number}")
        async with sessions() as session:
            before = await rows_read(session)
            assert await _deliver(session) == 10
            read = await rows_read(session) - before
            await session.rollback()
    finally:
        await engine.dispose()
    assert read < 10 * 10


async def _deliver(session: AsyncSession) -> int:
    taken = await claim(
        session, limit=200, busy=[], lease=timedelta(seconds=60), order_hold=timedelta(hours=1)
    )
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
    await record(session, done)
    await park(session, order_hold=timedelta(hours=1))
    return len(taken)
