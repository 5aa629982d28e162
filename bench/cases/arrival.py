"""Time from Zeus's call to the merchant's webhook, at a rate far above a busy shop's.

Beside it the least that lies between them: three commits, a NOTIFY and a POST, done by hand.
"""

import asyncio
import json
import sys
from collections.abc import Sequence

from bench.arrivals import Inbox, Spread
from bench.figures import Figure, Requirement
from bench.plan import Bench, interleaved
from bench.traffic import play

CALLS_PER_S = 50.0
MOST_P50_MS = 6.0
MOST_P95_MS = 9.0
"""Twice what a quiet machine of two cores takes, so that a busy one holds them too."""


async def arrival(bench: Bench) -> list[Figure]:
    """Measure call to arrival with separate processes, with one for every role, and by hand."""

    async def separate() -> Spread:
        return await _measure(bench, ("receive", "work"))

    async def up() -> Spread:
        return await _measure(bench, ("up",))

    async def by_hand() -> Spread:
        return await _by_hand(bench)

    results = await interleaved(bench, {"receive + work": separate, "up": up, "by hand": by_hand})
    hand = results.pop("by hand")
    floor_p50, floor_p95 = (
        tuple(spread.p50_ms for spread in hand),
        tuple(spread.p95_ms for spread in hand),
    )
    note = "three commits, NOTIFY and POST by hand"
    figures = []
    for name, spreads in results.items():
        p50, p95 = (
            tuple(spread.p50_ms for spread in spreads),
            tuple(spread.p95_ms for spread in spreads),
        )
        how = f"call to arrival {{}}, {CALLS_PER_S:g}/s, {name}"
        for percentile, values, floor, most in (
            ("p50", p50, floor_p50, MOST_P50_MS),
            ("p95", p95, floor_p95, MOST_P95_MS),
        ):
            figures.append(
                Figure(
                    "arrival",
                    how.format(percentile),
                    "ms",
                    values,
                    floor,
                    note,
                    Requirement(most=most),
                )
            )
    return figures


async def _by_hand(bench: Bench) -> Spread:
    """Measure the floor at the same rate, on a database of the same server."""
    count = round(CALLS_PER_S * bench.effort.seconds)
    async with bench.site_with_sink(()) as (site, port):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.baselines.by_hand",
            site.database_url or "",
            f"http://127.0.0.1:{port}/hook/shop",
            str(CALLS_PER_S),
            str(count),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        sent: dict[str, float] = json.loads(output)
        warm = dict(list(sent.items())[count // 10 :])
        return await Inbox(port).delays(warm, "shop")


async def _measure(bench: Bench, roles: Sequence[str]) -> Spread:
    async with bench.site_with_sink(roles) as (site, port):
        job = site.job(
            bench.effort.seconds,
            rate=CALLS_PER_S,
            keep_alive=False,
            warm_up_s=2 * bench.effort.warm_up_s,
            stamps=True,
        )
        traffic = await play(job)
        return await Inbox(port).delays(traffic.sent, "shop")
