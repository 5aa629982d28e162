"""Database after two years of service: the rows that it would have left, made by SQL.

An order has two calls, 01 and a day later 04, and each is repeated once. Half of `size` notices
therefore make an event, and each event was delivered to two subscribers. Business grows: half of
all calls came in the last seven months. Everything follows from the number of a call, so each table
can be filled on its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from asyncpg import Record

from app.db.connections import Connection, connect
from bench.pending import DATA
from bench.relay import Site

TWO_YEARS = 730
PAUSED_SINCE_DAYS = 14
"""Days for which one subscriber has been paused, with a backlog."""
_CHUNK = 500_000
_UNJUDGED = 500
_HOURS_S = 4 * 3600.0
_QUERY = (
    "/zeus/notify?clientip=2012000001&money=%s"
    "&username=%%83R%%83%%93%%83r%%83j%%81%%40%%83%%5E%%83%%8D%%83E&telno=%s"
    "&email=taro%%40example.com&sendid=%s&sendpoint=&order_no=%s&pay_cvs=D001"
    "&pay_no1=1234567890123&pay_no2=&pay_limit=20261231"
    "&status=%s&error_code="
)
_HEADERS = (
    "host: pay.example\\r\\nuser-agent: bench\\r\\naccept: */*\\r\\n"
    "x-forwarded-for: 198.51.100.7\\r\\nx-forwarded-proto: https\\r\\n"
    "connection: close\\r\\ncontent-type: text/html\\r\\n"
)

# $1 and $2 bound the numbers. $3 is the last number, $4 the moment of its call, $5 the number of
# calls between an order's 01 and its 04.
_CALLS = f"""
WITH numbered AS (
  SELECT n, n % 4 AS part, CASE WHEN n % 4 >= 2 THEN n - $5::bigint ELSE n END >> 2 AS k,
    $4::timestamptz - {TWO_YEARS} * interval '1 day' * (1 - sqrt(n::float8 / $3::bigint)) AS at
  FROM generate_series($1::bigint, $2::bigint) AS n
), calls AS (
  SELECT n, part, k, at,
    (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000800000000000'
      || lpad(to_hex(n % 65536), 4, '0'))::uuid AS id,
    lpad((k * 7919 % 10000)::text, 4, '0') || '-' || lpad((k / 100000)::text, 5, '0')
      || '-' || lpad((k % 100000)::text, 5, '0') AS order_no,
    CASE WHEN part < 2 THEN '01' ELSE '04' END AS status,
    CASE WHEN k % 50 = 0 THEN '0312340000'
      ELSE '03' || lpad((k * 104729 % 100000000)::text, 8, '0') END AS telno,
    CASE WHEN k % 10 = 0 THEN 5400 ELSE 200 + k * 37 % 300 * 100 END AS money,
    CASE k % 4 WHEN 0 THEN '' WHEN 1 THEN 'member-' || k % 1000 ELSE 'A-' || k END AS sendid,
    CASE WHEN n % 500 = 0 OR k < 0 THEN 'quarantined' WHEN n % 500 = 1 THEN 'conflict'
      WHEN part IN (1, 3) THEN 'duplicate' ELSE 'accepted' END AS verdict
  FROM numbered
)
"""

_NOTICES = f"""
INSERT INTO notices
  (id, lane, received_at, source, method, target, headers, body, judged_at, verdict, reasons,
   parameters, order_no, status)
{_CALLS}
SELECT id, k % 16, at, '192.0.2.1', 'GET',
  convert_to(format('{_QUERY}', money, telno, sendid,
    CASE WHEN verdict = 'quarantined' THEN '' ELSE order_no END, status), 'UTF8'),
  convert_to(E'{_HEADERS}', 'UTF8'), '', at + interval '20 milliseconds', verdict,
  CASE verdict WHEN 'quarantined' THEN ARRAY['missing_order_no']
    WHEN 'conflict' THEN ARRAY['differs:money'] ELSE '{{}}' END,
  jsonb_build_object('clientip', '2012000001', 'money', money::text,
    'username', 'コンビニ　タロウ', 'telno', telno, 'email', 'taro@example.com',
    'sendid', sendid, 'sendpoint', '', 'order_no', order_no, 'pay_cvs', 'D001',
    'pay_no1', '1234567890123', 'pay_no2', '', 'pay_limit', '20261231',
    'status', status, 'error_code', ''),
  CASE WHEN verdict <> 'quarantined' THEN order_no END, status
FROM calls
"""

_ANSWERS = f"""
INSERT INTO answers (notice_id, answered_at)
{_CALLS}
SELECT id, at + n % 1000 * interval '1.1 milliseconds' FROM calls
"""

_EVENTS = f"""
INSERT INTO events (id, type, order_no, status, occurrence, cycle, sequence, notice_id, position,
  created_at, data, customer)
{_CALLS}
SELECT id, CASE status WHEN '01' THEN 'order.accepted' ELSE 'payment.received' END,
  order_no, status, 1, 1, part / 2 + 1, id, n,
  at + interval '20 milliseconds', replace($6, 'ORDER-NO', order_no)::json,
  json_build_object('name', 'コンビニ　タロウ', 'telno', telno, 'email', 'taro@example.com')
FROM calls WHERE verdict = 'accepted'
"""

# The state of an order comes from its 04, or from its 01 without a 04.
_ORDERS = f"""
INSERT INTO orders (order_no, status, state, cycle, sequence, money, clientip, pay_cvs, pay_no1,
  pay_limit, sendid, sendpoint, telno_tail, created_at)
{_CALLS}
SELECT order_no, status, CASE status WHEN '01' THEN 'awaiting_payment' ELSE 'paid' END,
  1, part / 2 + 1, money, '2012000001', 'D001',
  '1234567890123', '20261231', sendid, '', right(telno, 4),
  $4::timestamptz - {TWO_YEARS} * interval '1 day' * (1 - sqrt(k * 4.0 / $3::bigint))
FROM calls WHERE verdict = 'accepted' AND (part = 2 OR n + $5 + 2 > $3)
"""

_WEBHOOKS = f"""
INSERT INTO outbound_webhooks
  (event_id, subscriber_id, order_no, sequence, state, due_at, attempts, created_at, finished_at,
   last_outcome)
{_CALLS}
SELECT calls.id, subscribers.id, order_no, part / 2 + 1, webhook.state,
  CASE WHEN webhook.state = 'pending' THEN $4 + interval '1 hour' ELSE at END,
  CASE webhook.state WHEN 'dead' THEN 3 ELSE (name <> 'held')::int END, at,
  CASE WHEN webhook.state <> 'pending' THEN at + interval '1 second' END,
  CASE webhook.state WHEN 'delivered' THEN 'delivered' WHEN 'dead' THEN 'http_5xx' END
FROM calls CROSS JOIN subscribers CROSS JOIN LATERAL (
  SELECT CASE WHEN name = 'held' OR (name = 'shop' AND n > $3 - 400) THEN 'pending'
    WHEN name = 'shop' AND n % 500 = 2 THEN 'dead' ELSE 'delivered' END AS state
) AS webhook
WHERE verdict = 'accepted' AND (name <> 'held' OR at > $4 - {PAUSED_SINCE_DAYS} * interval '1 day')
ORDER BY n, name
"""

_ATTEMPTS = """
INSERT INTO attempts
  (outbound_webhook_id, number, started_at, duration_ms, outcome, http_status, excerpt)
SELECT id, number, created_at + interval '30 milliseconds', 40, coalesce(last_outcome, 'http_5xx'),
  CASE last_outcome WHEN 'delivered' THEN 200 ELSE 503 END, 'OK'
FROM outbound_webhooks CROSS JOIN LATERAL generate_series(1, attempts) AS number
WHERE id BETWEEN $1 AND $2 ORDER BY id
"""

_AUDIT = f"""
INSERT INTO audit_entries (id, at, operator, role, via, action, subject, details)
{_CALLS}
SELECT id, at, CASE n / 10 % 5 WHEN 0 THEN 'sato' WHEN 1 THEN 'mori' ELSE 'suzuki' END,
  'operator', 'console',
  CASE WHEN n % 5000 = 0 THEN 'webhook.dismissed' ELSE 'personal_data.seen' END,
  'order:' || order_no, '{{}}'
FROM calls WHERE n % 10 = 0
"""

_SAMPLES = f"""
INSERT INTO rejected_samples (id, lane, received_at, source, method, target, headers, body)
{_CALLS}
SELECT id, k % 16, at, '203.0.113.9', 'GET',
  convert_to(format('{_QUERY}', money, telno, sendid, order_no, status), 'UTF8'), '', ''
FROM calls WHERE n > $3 - 100
"""

# Calls that are not judged yet, because the worker was stopped.
_WAITING = f"""
INSERT INTO notices (id, lane, received_at, source, method, target, headers, body)
{_CALLS}
SELECT uuidv7(), k % 16, now(), '192.0.2.1', 'GET',
  convert_to(format('{_QUERY}', money, telno, sendid, 'new-' || order_no, '01'), 'UTF8'),
  convert_to(E'{_HEADERS}', 'UTF8'), ''
FROM calls WHERE n <= {_UNJUDGED}
"""

_RECOVERIES = """
INSERT INTO recovery_jobs (id, subscriber_id, since, until, event_types, scope, state, total, done,
  cursor, created_by, finished_at)
SELECT uuidv7(), id, now() - interval '1 day', now(), ARRAY['payment.received'], 'undelivered',
  'done', 12, 12, uuidv7(), 'sato', now()
FROM subscribers CROSS JOIN generate_series(1, 300) WHERE name = 'books'
"""

# A twentieth of all orders had a review, and a twentieth of these is still open.
_REVIEWS = """
INSERT INTO reviews (id, reason, order_no, cycle, details, opened_at, settled_at, settlement,
  settled_by)
SELECT uuidv7(), CASE k % 3 WHEN 0 THEN 'values_differ' ELSE 'confirmation_overdue' END, order_no,
  1, CASE k % 3 WHEN 0 THEN json_build_object('differing', '[]'::json, 'values', '{}'::json)
     ELSE json_build_object('paid_at', NULL) END,
  created_at, CASE WHEN k % 20 > 0 THEN created_at END, CASE WHEN k % 20 > 0 THEN 'dismiss' END,
  CASE WHEN k % 20 > 0 THEN 'zeus-relay' END
FROM (SELECT order_no, created_at, row_number() OVER () AS k FROM orders) AS numbered
WHERE k % 20 = 1
"""

_UNWANTED = """
INSERT INTO unwanted (kind, value, created_by)
SELECT DISTINCT 'sendid', sendid, 'sato' FROM (SELECT sendid FROM orders LIMIT 1000) AS first
WHERE sendid <> ''
"""

# The relay applied for a third of all orders. A hundredth of these were tests.
_APPLICATIONS = """
INSERT INTO applications (id, key, request_hash, created_at, created_by, state, clientip, money,
  pay_cvs, sendid, sendpoint, test, form, sent_at, answered_at, called_at, order_no, pay_no1,
  pay_limit)
SELECT uuidv7(created_at - now()), 'key-' || k, '', created_at, 'shop', 'accepted', clientip, money,
  pay_cvs, sendid, '', CASE WHEN k % 300 = 1 THEN 'confirmed' END, '', created_at, created_at,
  created_at, order_no, pay_no1, pay_limit
FROM (SELECT *, row_number() OVER () AS k FROM orders WHERE money IS NOT NULL) AS numbered
WHERE k % 3 = 1
"""

# One of them belongs to an operational test.
_OPERATIONAL_TEST = """
UPDATE applications SET sendid = 'OT-261127131355-D001-1', test = 'confirmed'
WHERE id = (SELECT id FROM applications ORDER BY id LIMIT 1)
"""

# A mailbox was read for a third of all orders.
_MAILS = """
INSERT INTO mails (id, hash, via, raw, size, received_at, state, judged_at, believed, belief, kind,
  status, clientip, order_no, money, occurred_at, pay_cvs, settled_at)
SELECT id, decode(replace(id::text, '-', ''), 'hex'), 'mailbox', '', 2000, created_at, 'matched',
  created_at, true, 'dkim', 'accepted', '01', clientip, order_no, money, created_at, pay_cvs,
  created_at
FROM (
  SELECT *, uuidv7(created_at - now()) AS id, row_number() OVER () AS k FROM orders
) AS numbered
WHERE k % 3 = 0
"""

_RECONCILIATIONS = """
INSERT INTO reconciliations (id, heal, state, total, compared, agrees, created_by, finished_at)
SELECT uuidv7(), false, 'done', 1000, 1000, 1000, 'sato', now() FROM generate_series(1, 300)
"""

_INDEXES = """
SELECT x.relname AS name, t.relname AS "table", pg_get_indexdef(x.oid) AS definition,
  c.conname AS key, pg_get_constraintdef(c.oid) AS key_definition
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
LEFT JOIN pg_constraint c ON c.conindid = x.oid AND c.contype IN ('p', 'u')
WHERE t.relname = ANY($1) ORDER BY t.relname, x.relname
"""

_FASTER = (
    "statement_timeout = 0",
    "synchronous_commit = off",
    "session_replication_role = replica",
    "maintenance_work_mem = '512MB'",
)
_TABLES = (
    "notices",
    "answers",
    "orders",
    "events",
    "outbound_webhooks",
    "attempts",
    "audit_entries",
)


@dataclass(frozen=True, slots=True)
class LongLife:
    """Size of the history: the number of its calls and the time of the last one."""

    size: int
    until: datetime

    @property
    def apart(self) -> int:
        """Calls between an order's 01 and its 04: about a day's, in whole orders."""
        return 4 * max(self.size // (4 * TWO_YEARS // 2), 1)

    @property
    def arguments(self) -> tuple[int, datetime, int]:
        """Arguments of every statement, after the bounds of its numbers."""
        return self.size, self.until, self.apart


async def fill(site: Site, size: int, say: Callable[[str], None]) -> LongLife:
    """Make the rows of `size` notices. The subscribers `shop`, `books` and `held` must exist.

    The tables keep their indexes, and get statistics and a checkpoint.
    """
    life = LongLife(size, datetime.now(UTC))
    connection = await connect(site.database_url or "")
    try:
        for setting in _FASTER:
            await connection.execute(f"SET {setting}")
        indexes = await connection.fetch(_INDEXES, list(_TABLES))
        await _drop(connection, indexes)
        await _fill_tables(connection, life, say)
        say("    indexes")
        await _make(connection, indexes)
        say("    statistics")
        for statement in ("VACUUM ANALYZE", "CHECKPOINT"):
            await connection.execute(statement, timeout=_HOURS_S)
    finally:
        await connection.close()
    return life


async def _fill_tables(connection: Connection, life: LongLife, say: Callable[[str], None]) -> None:
    for name, statement, more in (
        ("notices", _NOTICES, ()),
        ("answers", _ANSWERS, ()),
        ("orders", _ORDERS, ()),
        ("events", _EVENTS, (DATA,)),
        ("webhooks", _WEBHOOKS, ()),
        ("audit", _AUDIT, ()),
        ("samples", _SAMPLES, ()),
        ("unjudged", _WAITING, ()),
    ):
        say(f"    {name}")
        await _in_chunks(connection, statement, 1, life.size, (*life.arguments, *more))
    say("    attempts")
    await _in_chunks(
        connection,
        _ATTEMPTS,
        1,
        await connection.fetchval("SELECT max(id) FROM outbound_webhooks"),
        (),
    )
    for statement in (
        _RECOVERIES,
        _REVIEWS,
        _UNWANTED,
        _RECONCILIATIONS,
        _APPLICATIONS,
        _OPERATIONAL_TEST,
        _MAILS,
    ):
        await connection.execute(statement, timeout=_HOURS_S)
    await connection.execute(
        "SELECT setval('events_position_seq', (SELECT max(position) FROM events))"
    )


async def _in_chunks(
    connection: Connection, statement: str, first: int, last: int, more: Sequence[object]
) -> None:
    for begin in range(first, last + 1, _CHUNK):
        await connection.execute(
            statement, begin, min(begin + _CHUNK - 1, last), *more, timeout=_HOURS_S
        )


async def _drop(connection: Connection, indexes: Sequence[Record]) -> None:
    for index in indexes:
        if index["key"]:
            await connection.execute(f"ALTER TABLE {index['table']} DROP CONSTRAINT {index['key']}")
        else:
            await connection.execute(f"DROP INDEX {index['name']}")


async def _make(connection: Connection, indexes: Sequence[Record]) -> None:
    for index in indexes:
        statement = index["definition"]
        if index["key"]:
            statement = (
                f"ALTER TABLE {index['table']} "
                f"ADD CONSTRAINT {index['key']} {index['key_definition']}"
            )
        await connection.execute(statement, timeout=_HOURS_S)
