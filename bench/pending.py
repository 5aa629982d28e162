"""Pending webhooks before a run: rows written to the database, as judging would write them."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

from app.crypto.vault import Vault
from app.db.connections import Connection, connect
from app.db.engine import Sessions, make_engine, make_sessions
from app.operations.access.permissions import SERVICE
from app.operations.subscribers.models import NewSubscriber
from app.operations.subscribers.pause import pause_subscriber
from app.operations.subscribers.rows import subscriber_row
from app.operations.subscribers.subscribers import add_subscriber, remove_subscriber
from app.operations.subscribers.validation import UrlRules
from bench.relay import LOOPBACK, Site

DATA = json.dumps(
    {
        "order_no": "ORDER-NO",
        "sequence": 1,
        "occurrence": 1,
        "zeus": {"status": "01", "status_name": "未入金", "error_code": None},
        "money": 5400,
        "currency": "JPY",
        "payable": False,
        "final": False,
        "order": {"state": "awaiting_payment", "previous_status": None},
        "store": {"code": "D001", "name": "セブン-イレブン"},
        "payment_numbers": [{"label": "払込票番号", "value": "1234567890123"}],
        "payment_deadline": "2026-12-31",
        "clientip": "2012000001",
        "sendid": "A-1001",
        "sendpoint": "ref-7",
        "flags": [],
        "notice_id": "01930000-0000-7000-8000-000000000000",
        "received_at": "2026-11-23T03:51:00.120001Z",
    },
    ensure_ascii=False,
)
"""The `data` of an event of common size; ORDER-NO stands for the order."""

_EVENTS = """
INSERT INTO events (id, type, order_no, status, occurrence, cycle, sequence, created_at, data)
SELECT uuidv7(), 'order.accepted', $1 || n, '01', 1, 1, 1, now(),
  replace($2, 'ORDER-NO', $1 || n)::json
FROM generate_series(1, $3::int) AS n
"""
_ENQUEUE = """
INSERT INTO outbound_webhooks
  (event_id, subscriber_id, order_no, sequence, state, attempts, finished_at)
SELECT id, $1, order_no, sequence, $2, ($2 = 'delivered')::int,
  CASE WHEN $2 = 'delivered' THEN now() END
FROM events WHERE starts_with(order_no, $3)
"""
_ENQUEUE_FOR_ALL = """
INSERT INTO outbound_webhooks (event_id, subscriber_id, order_no, sequence)
SELECT e.id, s.id, e.order_no, e.sequence FROM events e CROSS JOIN subscribers s
WHERE starts_with(e.order_no, $1)
"""
_ATTEMPTS = """
INSERT INTO attempts
  (outbound_webhook_id, number, started_at, duration_ms, outcome, http_status, excerpt)
SELECT id, 1, now(), 5, 'delivered', 200, 'OK' FROM outbound_webhooks WHERE state = 'delivered'
"""
_HOURS_S = 4 * 3600


async def new_subscriber(site: Site, name: str, url: str, **options: int | bool) -> UUID:
    """Add a subscriber as an operator does, and return its id; options as of NewSubscriber."""
    async with _sessions(site) as sessions:
        rules = UrlRules(allow_http=True, networks=(LOOPBACK,))
        await add_subscriber(
            sessions,
            Vault([site.secret_key]),
            NewSubscriber(name=name, url=url, **options),
            rules,
            SERVICE,
        )
        async with sessions() as session:
            return (await subscriber_row(session, name)).id


async def new_subscribers(
    site: Site, urls: Mapping[str, str], event_types: list[str] | None = None
) -> None:
    """Add many subscribers as an operator does, from names and URLs."""
    vault, rules = Vault([site.secret_key]), UrlRules(allow_http=True, networks=(LOOPBACK,))
    async with _sessions(site) as sessions:
        for name, url in urls.items():
            await add_subscriber(
                sessions,
                vault,
                NewSubscriber(name=name, url=url, event_types=event_types),
                rules,
                SERVICE,
            )


@asynccontextmanager
async def subscriber(site: Site, name: str, url: str, **options: int | bool) -> AsyncIterator[UUID]:
    """Add a subscriber for the time of the block."""
    subscriber_id = await new_subscriber(site, name, url, **options)
    try:
        yield subscriber_id
    finally:
        async with _sessions(site) as sessions:
            await remove_subscriber(sessions, name, SERVICE)


async def pause(site: Site, name: str) -> None:
    """Pause a subscriber as an operator does."""
    async with _sessions(site) as sessions:
        await pause_subscriber(sessions, name, None, SERVICE)


async def make_events(site: Site, prefix: str, count: int, data: str = DATA) -> None:
    """Make events of `count` orders whose numbers begin with `prefix`."""
    async with _connection(site) as connection:
        await connection.execute(_EVENTS, prefix, data, count, timeout=_HOURS_S)


async def enqueue(site: Site, prefix: str, subscriber_id: UUID, state: str = "pending") -> None:
    """Enqueue the events of all orders that begin with `prefix`, or mark them as delivered."""
    async with _connection(site) as connection:
        await connection.execute(_ENQUEUE, subscriber_id, state, prefix, timeout=_HOURS_S)


async def enqueue_for_all(site: Site, prefix: str) -> None:
    """Enqueue the events of all orders that begin with `prefix` for every subscriber."""
    async with _connection(site) as connection:
        await connection.execute(_ENQUEUE_FOR_ALL, prefix, timeout=_HOURS_S)


async def make_attempts(site: Site) -> None:
    """Make the attempt of every delivered webhook."""
    async with _connection(site) as connection:
        await connection.execute(_ATTEMPTS, timeout=_HOURS_S)


async def settle(site: Site) -> None:
    """Write statistics and pages now, so that none of it happens during a measurement."""
    async with _connection(site) as connection:
        await connection.execute("VACUUM ANALYZE", timeout=_HOURS_S)
        await connection.execute("CHECKPOINT", timeout=_HOURS_S)


@asynccontextmanager
async def _sessions(site: Site) -> AsyncIterator[Sessions]:
    engine = make_engine(site.database_url or "", pool_size=1)
    try:
        yield make_sessions(engine)
    finally:
        await engine.dispose()


@asynccontextmanager
async def _connection(site: Site) -> AsyncIterator[Connection]:
    connection = await connect(site.database_url or "")
    try:
        await connection.execute("SET statement_timeout = 0")
        yield connection
    finally:
        await connection.close()
