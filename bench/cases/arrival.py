"""Time from Zeus's call to the merchant's webhook, at a rate far above a busy shop's."""

from collections.abc import Sequence

from bench.arrivals import Inbox, Spread
from bench.figures import Figure, Requirement
from bench.plan import Bench, interleaved
from bench.traffic import play

CALLS_PER_S = 50.0
MOST_P50_MS = 15
MOST_P95_MS = 40


async def arrival(bench: Bench) -> list[Figure]:
    """Measure call to arrival with separate processes, and with one process for every role."""

    async def separate() -> Spread:
        return await _measure(bench, ("receive", "work"))

    async def up() -> Spread:
        return await _measure(bench, ("up",))

    results = await interleaved(bench, {"receive + work": separate, "up": up})
    figures = []
    for name, spreads in results.items():
        p50, p95 = (
            tuple(spread.p50_ms for spread in spreads),
            tuple(spread.p95_ms for spread in spreads),
        )
        how = f"call to arrival {{}}, {CALLS_PER_S:g}/s, {name}"
        figures.append(
            Figure("arrival", how.format("p50"), "ms", p50, required=Requirement(most=MOST_P50_MS))
        )
        figures.append(
            Figure("arrival", how.format("p95"), "ms", p95, required=Requirement(most=MOST_P95_MS))
        )
    return figures


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
