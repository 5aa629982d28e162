"""Time to find what is due among millions of orders."""

import asyncio
import time

from app.db.connections import HELD_TO_INDEXES, Connection, connect
from app.db.engine import make_engine, make_sessions
from app.judging.timers import DUE, TimerOptions
from bench.figures import Figure, Requirement
from bench.plan import Bench
from bench.relay import Site

MOST_MS = 50
DUE_ORDERS = 1_000
_LOOKS = 50
_CHUNK = 1_000_000
_PATIENCE_S = 3_600
_OPTIONS = TimerOptions()
_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE schemaname = 'public' AND tablename = 'orders' AND indexname <> 'orders_pkey'
"""
# Of every three orders, one waits for a payment, one for a confirmation, and one for nothing.
_FILL = """
INSERT INTO orders (order_no, status, state, cycle, sequence, money, clientip, pay_cvs, pay_limit,
  sendid, flags, telno_tail, paid_at, created_at, updated_at)
SELECT 'order-' || n, status, state, 1, 1, 5400, '2012000001', 'D001', day, 'purchase-' || n, '{}',
  lpad((n % 10000)::text, 4, '0'), paid_at, paid_at, paid_at
FROM generate_series($1::int, $2::int) AS n
CROSS JOIN LATERAL (
  SELECT (ARRAY['01', '04', '05'])[n % 3 + 1] AS status,
    (ARRAY['awaiting_payment', 'paid', 'confirmed'])[n % 3 + 1] AS state,
    CASE WHEN n <= $3 THEN '20250101' ELSE to_char(now() + n % 60 * interval '1 day', 'YYYYMMDD')
    END AS day,
    now() - CASE WHEN n <= $3 THEN interval '20 days' ELSE n % 200 * interval '1 hour' END
      AS paid_at
) AS made
"""


async def timers(bench: Bench) -> list[Figure]:
    """Measure looks for due timers: the first of a worker, and later ones."""
    async with bench.site() as site:
        bench.say(f"  making {bench.effort.size:,} orders")
        connection = await connect(site.database_url or "")
        try:
            await _fill(connection, bench.effort.size)
        finally:
            await connection.close()
        took = await _look(site)
    what = f"due timers found, {DUE_ORDERS:,} due of {bench.effort.size:,} orders"
    required = Requirement(most=MOST_MS)
    return [
        Figure("timers", f"{what}, first look", "ms", (took[0],), required=required),
        Figure("timers", f"{what}, later looks", "ms", tuple(took[1:]), required=required),
    ]


async def _fill(connection: Connection, size: int) -> None:
    """Insert the orders. The indexes are made afterwards, which takes less time."""
    await connection.execute("SET statement_timeout = 0; SET maintenance_work_mem = '1GB'")
    indexes = await connection.fetch(_INDEXES)
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['indexname']}")
    due = DUE_ORDERS * 3 // 2
    for first in range(1, size + 1, _CHUNK):
        last = min(first + _CHUNK - 1, size)
        await connection.execute(_FILL, first, last, due, timeout=_PATIENCE_S)
    for index in indexes:
        await connection.execute(index["indexdef"], timeout=_PATIENCE_S)
    await connection.execute("VACUUM ANALYZE orders", timeout=_PATIENCE_S)


async def _look(site: Site) -> list[float]:
    """Return the milliseconds of each look, the first on a new connection."""
    engine = make_engine(site.database_url or "", pool_size=1, planner=HELD_TO_INDEXES)
    parameters = {"grace": _OPTIONS.expiry_grace, "due": _OPTIONS.confirmation_due}
    took = []
    try:
        async with make_sessions(engine)() as session:
            for _ in range(_LOOKS):
                started = time.perf_counter()
                rows = (await session.execute(DUE, parameters)).all()
                took.append(1_000 * (time.perf_counter() - started))
                assert rows
                await asyncio.sleep(0.02)
    finally:
        await engine.dispose()
    return took
