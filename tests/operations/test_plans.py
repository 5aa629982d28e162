"""Query plans of lists and searches on 200,000 rows: each reads an index and a few rows."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from app.clock import now
from app.db.connections import connect
from app.db.engine import Sessions, make_engine, make_sessions
from app.operations.access.audit import list_audit
from app.operations.access.permissions import SERVICE, Action
from app.operations.attention.attention import read_attention
from app.operations.deliveries.models import WebhookState
from app.operations.deliveries.webhooks import list_outbound
from app.operations.monitoring.overview import Overviews
from app.operations.notices.notices import VerdictFilter, list_notices
from app.operations.orders.events import list_events
from app.operations.orders.history import show_order
from app.operations.orders.search import OrderQuery, search_orders
from app.operations.orders.totals import Grouping, TotalsQuery, read_totals
from app.operations.pagination import Place
from app.operations.reviews.reviews import list_reviews, show_review
from app.operations.subscribers.recovery import RecoveryRequest, recover
from app.order_life.reviews import Reason
from tests.conftest import TEMPLATE, with_database

BIG = (
    "notices",
    "answers",
    "orders",
    "events",
    "outbound_webhooks",
    "attempts",
    "audit_entries",
    "reviews",
    "review_notes",
    "unwanted",
)
MOST_ROWS = {
    "*": 1_000,
    "overview": 65_000,
    "attention": 12_000,
    "accepted notices": 4_000,
    "settled reviews": 4_000,
    "what a recovery would send": 25_000,
    "totals of a day": 21_000,
}
"""Most rows that one statement may read of big tables.

The overview counts the 20,000 calls of a day, each with its answer. Items that need review are
counted up to 10,000. Accepted notices have no own index, which would slow every call: their list
skips the newest unjudged notices, 3,000 here. That of settled reviews skips the open ones. A
recovery may scan all pending webhooks, 20,000 here, and never all events. Totals read the orders of
their days, 20,000 a day.
"""
LAUNCH = datetime(2020, 1, 1, tzinfo=UTC)
REVIEW_ID = uuid4()
LONG_AGO = 60_000
"""Number of the first rows with values that never occur later: an amount, an operator, verdicts."""

# Ids begin with the time: 200,000 calls in ten days.
_ID = (
    "(lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000800000000000' || "
    "lpad(to_hex(n % 65536), 4, '0'))::uuid"
)
_MOMENTS = (
    "SELECT n, now() - (200000 - n) * interval '4.32 seconds' AS at "
    "FROM generate_series(1, 200000) AS n"
)
_FILL = (
    f"""INSERT INTO notices (id, lane, received_at, source, method, target, headers, body,
      judged_at, verdict, parameters, order_no, status)
    SELECT {_ID}, n % 16, at, '192.0.2.1', 'GET', '', '', '', at,
      CASE WHEN n > 197000 THEN NULL WHEN n % 5000 = 0 THEN 'quarantined'
        WHEN n % 5000 = 1 THEN 'conflict'
        WHEN n < {LONG_AGO} AND n % 4 = 0 THEN 'conflict'
        WHEN n < {LONG_AGO} AND n % 2 = 0 THEN 'duplicate' ELSE 'accepted' END,
      jsonb_build_object('telno', '03' || lpad((n * 7919 % 100000000)::text, 8, '0')),
      'o' || n, '01'
    FROM ({_MOMENTS}) AS moments""",
    f"INSERT INTO answers SELECT {_ID}, at + (n % 1000) * interval '2 milliseconds' "
    f"FROM ({_MOMENTS}) AS moments",
    f"""INSERT INTO orders (order_no, status, state, cycle, sequence, money, sendid, telno_tail,
      created_at)
    SELECT 'o' || n, '01',
      CASE WHEN n < 20 THEN 'reversed' WHEN n < {LONG_AGO} THEN 'expired' WHEN n % 10 = 0 THEN
        'awaiting_payment' ELSE 'paid' END, 1, 1,
      CASE WHEN n < {LONG_AGO} THEN 100 ELSE 200 + n % 50000 END,
      CASE WHEN n % 2 = 0 THEN 'A-' || n ELSE '' END,
      lpad((n * 7919 % 10000)::text, 4, '0'), at
    FROM ({_MOMENTS}) AS moments""",
    f"""INSERT INTO events (id, type, order_no, status, occurrence, cycle, sequence, created_at,
      data)
    SELECT {_ID}, 'order.accepted', 'o' || n, '01', 1, 1, 1, at, '{{}}'
    FROM ({_MOMENTS}) AS moments""",
    """INSERT INTO subscribers (id, name, url, customer, state)
    SELECT gen_random_uuid(), name, 'https://shop.example/', false, state
    FROM (VALUES ('shop', 'active'), ('rare', 'active'), ('held', 'paused')) AS s (name, state)""",
    """INSERT INTO outbound_webhooks
      (event_id, subscriber_id, order_no, sequence, state, created_at)
    SELECT e.id, s.id, e.order_no, 1,
      CASE WHEN row_number() OVER () % 10000 = 0 THEN 'dead' ELSE 'delivered' END, e.created_at
    FROM events e, subscribers s WHERE s.name = 'shop'""",
    """INSERT INTO outbound_webhooks (event_id, subscriber_id, order_no, sequence, created_at)
    SELECT e.id, s.id, e.order_no, 1, e.created_at
    FROM (SELECT * FROM events ORDER BY id DESC LIMIT 20000) AS e, subscribers s
    WHERE s.name = 'held'""",
    """INSERT INTO outbound_webhooks (event_id, subscriber_id, order_no, sequence, state)
    SELECT e.id, s.id, e.order_no, 1, 'cancelled'
    FROM (SELECT * FROM events ORDER BY id LIMIT 5) AS e, subscribers s
    WHERE s.name = 'rare'""",
    """INSERT INTO attempts (outbound_webhook_id, number, started_at, duration_ms, outcome)
    SELECT id, 1, now(), 5, 'delivered' FROM outbound_webhooks""",
    f"""INSERT INTO audit_entries (id, operator, role, via, action, subject)
    SELECT {_ID}, CASE WHEN n < {LONG_AGO} THEN 'left' ELSE 'o' || n % 3 END, 'admin', 'api',
      CASE WHEN n % 50000 = 0 THEN 'token.revoked' ELSE 'personal_data.seen' END, 'order:o' || n
    FROM ({_MOMENTS}) AS moments""",
    f"""INSERT INTO reviews (id, reason, order_no, related_order_no, details, opened_at, settled_at,
      settlement)
    SELECT {_ID}, CASE WHEN n < {LONG_AGO} THEN 'paid_twice' WHEN n % 20 = 0 THEN 'values_differ'
        ELSE 'conflict' END,
      'o' || n, CASE WHEN n < {LONG_AGO} THEN 'o' || (n + 1) END, '{{}}', at,
      CASE WHEN n % 5000 <> 0 AND n < 197000 THEN at END,
      CASE WHEN n % 5000 <> 0 AND n < 197000 THEN 'dismiss' END
    FROM ({_MOMENTS}) AS moments""",
    f"""INSERT INTO reviews (id, reason, order_no, details)
    VALUES ('{REVIEW_ID}', 'money_unreadable', 'o78', '{{}}')""",
    """INSERT INTO review_notes (id, review_id, written_by, text)
    SELECT gen_random_uuid(), id, 'sato', 'asked Zeus' FROM reviews""",
    f"INSERT INTO unwanted (kind, value, created_by) SELECT 'order_no', 'o' || n, 'sato' "
    f"FROM ({_MOMENTS}) AS moments WHERE n % 2 = 0",
    "VACUUM ANALYZE",
)


@pytest.fixture(scope="module")
def full_url(postgres_url: str) -> Iterator[str]:
    """A large database with statistics."""
    name = f"full_{uuid4().hex}"
    url = with_database(postgres_url, name)
    asyncio.run(_execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    asyncio.run(_execute(url, *_FILL))
    yield url
    asyncio.run(_execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(url: str, *statements: str) -> None:
    connection = await connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


@dataclass
class Plans:
    """Statements of an engine with their plans, generic and for the actual parameters."""

    engine: AsyncEngine
    statements: list[tuple[str, Any]] = field(default_factory=list)

    def watch(self) -> None:
        event.listen(self.engine.sync_engine, "before_cursor_execute", self._note)

    def _note(
        self, _connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any
    ) -> None:
        if re.match(r"\s*(SELECT|WITH)\b", statement):
            self.statements.append((statement, parameters))

    async def of_any_parameters(self, url: str) -> list[dict[str, Any]]:
        """Return the generic plans that the server keeps for any parameters."""
        connection = await connect(url)
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        plans = []
        for number, (statement, parameters) in enumerate(self.statements):
            await connection.execute(f"PREPARE statement{number} AS {statement}")
            values = f"({', '.join(['NULL'] * len(parameters))})" if parameters else ""
            plans += json.loads(
                await connection.fetchval(
                    f"EXPLAIN (FORMAT JSON) EXECUTE statement{number}{values}"
                )
            )
        await connection.close()
        return plans

    async def executed(self) -> list[dict[str, Any]]:
        """Return the executed plans for the actual parameters, with the rows read."""
        plans: list[dict[str, Any]] = []
        async with self.engine.connect() as connection:
            for statement, parameters in list(self.statements):
                explain = f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) {statement}"
                found: Any = (await connection.exec_driver_sql(explain, parameters)).scalar()
                plans += json.loads(found) if isinstance(found, str) else found
        return plans


@pytest.fixture
async def engine(full_url: str) -> AsyncIterator[AsyncEngine]:
    made = make_engine(full_url, pool_size=1)
    yield made
    await made.dispose()


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _rows_read(node: dict[str, Any]) -> float:
    if node.get("Relation Name") not in BIG:
        return 0
    rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return float(rows * node["Actual Loops"])


async def _notices_of(verdict: VerdictFilter, sessions: Sessions) -> Any:
    return await list_notices(sessions, Place(), verdict=verdict)


async def _webhooks_of(state: WebhookState, sessions: Sessions) -> Any:
    return await list_outbound(sessions, Place(), states=[state])


async def _search(query: OrderQuery, sessions: Sessions) -> Any:
    return await search_orders(sessions, Place(), query)


def _totals_of(day: date) -> TotalsQuery:
    return TotalsQuery(first_day=day, last_day=day, by=Grouping.STORE)


Read = Callable[[Sessions], Awaitable[Any]]
READS: dict[str, Read] = {
    "overview": lambda s: Overviews(s).read(),
    "attention": read_attention,
    "order": lambda s: show_order(s, "o77"),
    "notices of an order": lambda s: list_notices(s, Place(), order_no="o77"),
    "notices of an order by verdict": lambda s: list_notices(
        s, Place(), order_no="o77", verdict=VerdictFilter.ACCEPTED
    ),
    "events": lambda s: list_events(s, Place()),
    "events of an order": lambda s: list_events(s, Place(), order_no="o77"),
    "webhooks of a subscriber": lambda s: list_outbound(s, Place(), subscriber="rare"),
    "what a recovery would send": lambda s: recover(
        s, RecoveryRequest(subscriber="shop", since=LAUNCH, dry_run=True), SERVICE
    ),
    "webhooks of nobody": lambda s: list_outbound(s, Place(), subscriber="nobody"),
    "undelivered": lambda s: list_outbound(
        s, Place(), states=[WebhookState.PENDING, WebhookState.DEAD]
    ),
    "dead of a subscriber": lambda s: list_outbound(
        s, Place(), states=[WebhookState.DEAD], subscriber="shop"
    ),
    "dead that need attention": lambda s: list_outbound(
        s, Place(), states=[WebhookState.DEAD], attention=True
    ),
    "totals of a day": lambda s: read_totals(s, _totals_of(now().date() - timedelta(days=3))),
    "totals of a day without orders": lambda s: read_totals(s, _totals_of(LAUNCH.date())),
    "audit": lambda s: list_audit(s, Place()),
    "audit of an operator": lambda s: list_audit(s, Place(), operator="nobody"),
    "audit of one who left": lambda s: list_audit(s, Place(), operator="left"),
    "audit of an operator's action": lambda s: list_audit(
        s, Place(), operator="nobody", action=Action.TOKEN_REVOKED
    ),
    "delivered webhooks of one that is paused": lambda s: list_outbound(
        s, Place(), states=[WebhookState.DELIVERED], subscriber="held"
    ),
    "pending webhooks of one that is paused": lambda s: list_outbound(
        s, Place(), states=[WebhookState.PENDING], subscriber="held"
    ),
    "all webhooks of one that is paused": lambda s: list_outbound(s, Place(), subscriber="held"),
    "audit of an action": lambda s: list_audit(s, Place(), action=Action.TOKEN_REVOKED),
    "audit of a subject": lambda s: list_audit(s, Place(), subject="order:o77"),
    "reviews": lambda s: list_reviews(s, Place()),
    "open reviews": lambda s: list_reviews(s, Place(), is_open=True),
    "settled reviews": lambda s: list_reviews(s, Place(), is_open=False),
    "reviews of an order": lambda s: list_reviews(s, Place(), order_no="o77"),
    "open reviews of an order by reason": lambda s: list_reviews(
        s, Place(), order_no="o77", is_open=True, reason=Reason.PAID_TWICE
    ),
    "open reviews with a reason": lambda s: list_reviews(
        s, Place(), is_open=True, reason=Reason.VALUES_DIFFER
    ),
    "settled reviews with a reason": lambda s: list_reviews(
        s, Place(), is_open=False, reason=Reason.PAID_TWICE
    ),
    "reviews with a rare reason": lambda s: list_reviews(s, Place(), reason=Reason.SENDID_SHARED),
    "one review": lambda s: show_review(s, REVIEW_ID),
    "all notices": lambda s: list_notices(s, Place()),
    "notices that need attention": lambda s: list_notices(s, Place(), attention=True),
    "all webhooks": lambda s: list_outbound(s, Place()),
    **{f"{verdict} notices": partial(_notices_of, verdict) for verdict in VerdictFilter},
    **{f"{state} webhooks": partial(_webhooks_of, state) for state in WebhookState},
}
SEARCHES: dict[str, dict[str, Any]] = {
    "any order": {},
    "order_no": {"order_no": "o77"},
    "sendid": {"sendid": "A-76"},
    "no such sendid": {"sendid": "none"},
    "telephone": {"telno_tail": "7919"},
    "money": {"money": 5400},
    "money that is paid no more": {"money": 100},
    "date": {"date": now().date()},
    "date without orders": {"date": "2020-01-01"},
    "telephone and date": {"telno_tail": "7919", "date": now().date()},
    "money and date": {"money": 5400, "date": now().date()},
    "state": {"state": "paid"},
    "state of long ago": {"state": "expired"},
    "rare state": {"state": "reversed"},
    "state that no order has": {"state": "confirmed_after_cancel"},
    "days": {"from": "2020-01-01", "to": str(now().date())},
    "days without orders": {"from": "2020-01-01", "to": "2020-12-31"},
    "days that begin": {"from": str(now().date())},
    "days that end long ago": {"to": str(now().date() - timedelta(days=9))},
    "state and days": {"state": "paid", "from": "2020-01-01", "to": str(now().date())},
    "state of long ago and the last days": {
        "state": "expired",
        "from": str(now().date() - timedelta(days=1)),
    },
    "newer state and the first days": {
        "state": "paid",
        "to": str(now().date() - timedelta(days=9)),
    },
    "money and state": {"money": 5400, "state": "paid"},
    "all": {
        "order_no": "o76",
        "sendid": "A-76",
        "telno_tail": "7919",
        "money": 276,
        "date": now().date(),
    },
}
for _name, _query in SEARCHES.items():
    READS[f"search by {_name}"] = partial(_search, OrderQuery.model_validate(_query))


def _whole_tables(plan: dict[str, Any]) -> list[str]:
    return [
        node["Relation Name"]
        for node in _nodes(plan["Plan"])
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in BIG
    ]


async def _check(engine: AsyncEngine, url: str, read: Read, most: int) -> None:
    plans = Plans(engine)
    plans.watch()
    await read(make_sessions(engine))
    assert plans.statements
    executed = await plans.executed()
    for plan in [*executed, *await plans.of_any_parameters(url)]:
        assert [] == _whole_tables(plan), json.dumps(plan["Plan"], indent=1)
    for plan in executed:
        assert sum(map(_rows_read, _nodes(plan["Plan"]))) <= most, json.dumps(
            plan["Plan"], indent=1
        )


async def test_every_list_and_every_search_is_an_index_scan(
    engine: AsyncEngine, full_url: str, subtests: pytest.Subtests
) -> None:
    for name, read in READS.items():
        with subtests.test(read=name):
            await _check(engine, full_url, read, MOST_ROWS.get(name, MOST_ROWS["*"]))


async def test_later_pages_are_index_scans_too(
    engine: AsyncEngine, full_url: str, subtests: pytest.Subtests
) -> None:
    sessions = make_sessions(engine)

    async def second(name: str, listing: Callable[[Sessions, Place], Awaitable[Any]]) -> None:
        with subtests.test(read=name):
            cursor = (await listing(sessions, Place(limit=20))).next_cursor
            await _check(engine, full_url, lambda s: listing(s, Place(cursor, 20)), MOST_ROWS["*"])

    await second("notices", list_notices)
    await second("quarantined", lambda s, p: list_notices(s, p, verdict=VerdictFilter.QUARANTINED))
    await second(
        "undelivered",
        lambda s, p: list_outbound(s, p, states=[WebhookState.PENDING, WebhookState.DEAD]),
    )
    await second("orders", lambda s, p: search_orders(s, p, OrderQuery()))
    await second("money", lambda s, p: search_orders(s, p, OrderQuery(money=5400)))
    days = OrderQuery.model_validate({"state": "paid", "from": "2020-01-01", "to": now().date()})
    await second("state and days", lambda s, p: search_orders(s, p, days))
    await second("reviews", list_reviews)
    await second("open reviews", lambda s, p: list_reviews(s, p, is_open=True))
    await second("reviews by reason", lambda s, p: list_reviews(s, p, reason=Reason.CONFLICT))
    await second("audit", lambda s, p: list_audit(s, p, operator="o1"))
