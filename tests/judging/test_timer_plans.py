"""Plans of timers: what is due is found at the ends of indexes, whatever else is there."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from app.db.connections import HELD_TO_INDEXES, Connection, connect
from app.judging.timers import BATCH, DUE

ORDERS, DUE_ORDERS = 200_000, 500
PAGES_AT_MOST = 3 * (BATCH + 20)
"""Pages read at most: for each of the three kinds the rows of a batch, and some of an index."""

# Of every three orders, one waits for a payment, one for a confirmation, and one for nothing.
FILL = f"""
INSERT INTO orders (order_no, status, state, cycle, sequence, money, pay_limit, flags, paid_at,
  created_at, updated_at)
SELECT 'o-' || n, status, state, 1, 1, 5400, day, '{{}}', paid_at, now(), now()
FROM generate_series(1, {ORDERS}) AS n
CROSS JOIN LATERAL (SELECT n % {ORDERS} < {DUE_ORDERS} AS is_due) AS first
CROSS JOIN LATERAL (
  SELECT (ARRAY['01', '04', '05'])[n % 3 + 1] AS status,
    (ARRAY['awaiting_payment', 'paid', 'confirmed'])[n % 3 + 1] AS state,
    CASE WHEN is_due THEN '20250101' ELSE '20990101' END AS day,
    now() - CASE WHEN is_due THEN interval '20 days' ELSE interval '1 day' END AS paid_at
) AS made
"""
PREPARE = DUE.text.replace(":grace", "$1").replace(":due", "$2")
EXECUTE = "EXECUTE due ('24 hours', '10 days')"


@pytest.fixture
async def worker(database_url: str) -> AsyncIterator[Connection]:
    """Return a connection of a worker that has prepared the statement on empty tables."""
    connection = await connect(database_url, planner=HELD_TO_INDEXES)
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE due AS {PREPARE}")
    yield connection
    await connection.close()


async def plan_of(worker: Connection) -> dict[str, Any]:
    """Return the plan of looking for due timers, with what it read."""
    answer = await worker.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {EXECUTE}")
    return dict(json.loads(answer)[0]["Plan"])


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the node and all below it."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def check(plan: dict[str, Any], found: int) -> None:
    """Assert that the plan read the due rows alone."""
    scans = [node for node in nodes(plan) if "Relation Name" in node]
    assert {"orders_awaiting_idx", "orders_provisional_idx", "reviews_recheck_idx"} == {
        node.get("Index Name") for node in scans
    }, plan
    assert found == sum(node["Actual Rows"] for node in scans)
    assert 0 == sum(node.get("Rows Removed by Filter", 0) for node in scans)
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= PAGES_AT_MOST


async def test_due_timers_are_found_without_a_look_at_the_others(worker: Connection) -> None:
    await worker.execute(FILL)
    await worker.execute("ANALYZE orders")
    check(await plan_of(worker), 2 * BATCH)


async def test_a_plan_made_on_empty_tables_is_right_for_large_ones(worker: Connection) -> None:
    """Sessions keep plans from before the first call."""
    check(await plan_of(worker), 0)
    await worker.execute(FILL)
    check(await plan_of(worker), 2 * BATCH)
