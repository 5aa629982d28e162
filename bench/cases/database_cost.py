"""What a call costs the database, from its receipt to the recorded delivery: counted, not timed."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.db.connections import connect
from bench.figures import Figure, Requirement
from bench.plan import Bench
from bench.relay import Site
from bench.traffic import play

CALLS_PER_S = 50.0
BURST = 10_000
MOST_STATEMENTS = 9.0
"""Eight lead from receipt to recorded delivery; the rest are looks of idle loops."""
_WARM_UP_CALLS = 500
_LOOK_S = 0.2
_END_S = 120.0
_STATEMENT = re.compile(rb"LOG:  (?:execute|statement)\b")
_LEFT = """SELECT (SELECT count(*) FROM notices WHERE verdict IS NULL)
  + (SELECT count(*) FROM outbound_webhooks WHERE state <> 'delivered')"""
_COUNTERS = """SELECT pg_current_wal_lsn() - '0/0' AS wal,
  (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()) AS transactions,
  (SELECT count(*) FROM outbound_webhooks) AS deliveries"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call costs."""

    statements: float
    transactions: float
    wal_bytes: float


async def database_cost(bench: Bench) -> list[Figure]:
    """Count statements, transactions and WAL bytes for each call with one webhook."""
    few = [await _measure(bench, burst=False) for _ in range(bench.effort.rounds)]
    many = [await _measure(bench, burst=True) for _ in range(bench.effort.rounds)]
    figures = []
    for how, costs in ((f"{CALLS_PER_S:.0f}/s", few), (f"a burst of {BURST:,}", many)):
        for name, unit, values in (
            ("statements", "", tuple(cost.statements for cost in costs)),
            ("transactions", "", tuple(cost.transactions for cost in costs)),
            ("WAL", "bytes", tuple(cost.wal_bytes for cost in costs)),
        ):
            most = MOST_STATEMENTS if costs is few and name == "statements" else None
            figures.append(
                Figure(
                    "database-cost",
                    f"{name} for each call, {how}",
                    unit,
                    values,
                    required=Requirement(most=most) if most else None,
                )
            )
    return figures


async def _measure(bench: Bench, *, burst: bool) -> Cost:
    async with bench.site_with_sink(("receive", "work")) as (site, _):
        await play(site.job(60.0, count=_WARM_UP_CALLS, callers=8))
        await _all_delivered(site)
        async with _statements_logged(site, bench.database.log) as log:
            before, begin = await _counters(site), log.stat().st_size
            if burst:
                await play(site.job(60.0, count=round(BURST * bench.effort.share)))
            else:
                await play(site.job(bench.effort.seconds, rate=CALLS_PER_S, keep_alive=False))
            await _all_delivered(site)
            after, text = await _counters(site), log.read_bytes()[begin:]
    calls = after["deliveries"] - before["deliveries"]
    return Cost(
        len(_STATEMENT.findall(text)) / calls,
        (after["transactions"] - before["transactions"]) / calls,
        (after["wal"] - before["wal"]) / calls,
    )


@asynccontextmanager
async def _statements_logged(site: Site, log: Path) -> AsyncIterator[Path]:
    """Make the server write each statement of this installation to its log."""
    await _execute_everywhere(site, "all")
    try:
        yield log
    finally:
        await _execute_everywhere(site, "none")


async def _execute_everywhere(site: Site, statements: str) -> None:
    """Set what is logged. The setting reaches connections that are open already."""
    connection = await connect(site.database_url or "")
    try:
        await connection.execute(f"ALTER SYSTEM SET log_statement = '{statements}'")
        await connection.execute("SELECT pg_reload_conf()")
        await asyncio.sleep(_LOOK_S)
    finally:
        await connection.close()


async def _counters(site: Site) -> dict[str, float]:
    await asyncio.sleep(1)  # each server process reports its transactions about once a second
    connection = await connect(site.database_url or "")
    try:
        row = await connection.fetchrow(_COUNTERS)
    finally:
        await connection.close()
    return {name: float(value) for name, value in dict(row or {}).items()}


async def _all_delivered(site: Site) -> None:
    connection = await connect(site.database_url or "")
    try:
        for _ in range(round(_END_S / _LOOK_S)):
            if not await connection.fetchval(_LEFT):
                return
            await asyncio.sleep(_LOOK_S)
        raise TimeoutError("some calls were not delivered in time")
    finally:
        await connection.close()
