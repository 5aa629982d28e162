"""Delivery beside an old snapshot, which keeps every dead row of the hot tables."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import islice

from app.db.connections import connect
from bench.arrivals import Inbox, Spread
from bench.figures import Figure, Requirement
from bench.plan import Bench, interleaved
from bench.relay import Site
from bench.traffic import play

CALLS_PER_S = 200.0
MOST_TIMES = 2.0
_PATIENCE_S = 600
_LAST_SHARE = 10

Spreads = tuple[Spread, Spread]


async def old_snapshot(bench: Bench) -> list[Figure]:
    """Measure call to arrival for all calls and for the last tenth, with and without a snapshot."""
    sides = {
        "held": partial(_measure, bench, held=True),
        "none": partial(_measure, bench, held=False),
    }
    results = await interleaved(bench, sides)
    calls = f"{bench.effort.calls:,} calls at {CALLS_PER_S:g}/s while a snapshot is held"
    return [
        _figure(f"call to arrival p50, {calls}", results, 0, "p50_ms"),
        _figure(
            f"call to arrival p95, {calls}",
            results,
            0,
            "p95_ms",
            Requirement(most=MOST_TIMES, of="ratio"),
        ),
        _figure(
            f"the same, last tenth p95, {calls}",
            results,
            1,
            "p95_ms",
            Requirement(most=MOST_TIMES, of="ratio"),
        ),
    ]


async def _measure(bench: Bench, *, held: bool) -> Spreads:
    """Return the distributions over all calls and over the last tenth."""
    async with AsyncExitStack() as stack:
        site, port = await stack.enter_async_context(bench.site_with_sink(("receive", "work")))
        if held:
            await stack.enter_async_context(_snapshot(site))
        job = site.job(
            bench.effort.calls / CALLS_PER_S, rate=CALLS_PER_S, keep_alive=False, stamps=True
        )
        traffic = await play(job)
        inbox = Inbox(port)
        everything = await inbox.delays(traffic.sent, "shop", patience_s=_PATIENCE_S)
        begin = len(traffic.sent) - max(len(traffic.sent) // _LAST_SHARE, 1)
        return everything, await inbox.delays(
            dict(islice(traffic.sent.items(), begin, None)), "shop"
        )


@asynccontextmanager
async def _snapshot(site: Site) -> AsyncIterator[None]:
    """Hold a snapshot as a report or a dump does: it reads, and has no transaction id."""
    connection = await connect(site.database_url or "")
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.fetchval("SELECT count(*) FROM outbound_webhooks")
            yield
    finally:
        await connection.close()


def _figure(
    name: str,
    results: dict[str, list[Spreads]],
    part: int,
    value: str,
    required: Requirement | None = None,
) -> Figure:
    held, none = (
        [getattr(spreads[part], value) for spreads in results[side]] for side in ("held", "none")
    )
    return Figure(
        "old-snapshot", name, "ms", tuple(held), tuple(none), "no snapshot held", required
    )
