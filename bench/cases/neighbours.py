"""Effect of bad neighbours: of twenty subscribers one is dead, and one takes ten seconds."""

from contextlib import AsyncExitStack

from bench.arrivals import Inbox, Spread
from bench.dead_subscribers import black_hole
from bench.figures import Figure, Requirement
from bench.pending import new_subscriber
from bench.plan import Bench, interleaved
from bench.ports import free_port
from bench.relay import sink
from bench.traffic import play

GOOD = 18
CALLS_PER_S = 20.0
SLOW_ANSWER_S = 10
_LEAST_SECONDS = 12.0


async def neighbours(bench: Bench) -> list[Figure]:
    """Measure call to arrival at 18 good subscribers, alone and beside two bad ones."""

    async def alone() -> Spread:
        return await _measure(bench, {})

    async def beside_refusing() -> Spread:
        return await _measure(bench, {"dead": f"http://127.0.0.1:{free_port()}/hook/dead"})

    async def beside_silent() -> Spread:
        with black_hole() as port:
            return await _measure(bench, {"dead": f"http://127.0.0.1:{port}/hook/dead"})

    sides = {
        "alone": alone,
        "one refuses connections": beside_refusing,
        "one swallows connections": beside_silent,
    }
    results = await interleaved(bench, sides)
    baseline = tuple(spread.p95_ms for spread in results.pop("alone"))
    return [
        Figure(
            "neighbours",
            f"call to arrival p95 at {GOOD} good subscribers; {name}, one takes {SLOW_ANSWER_S} s",
            "ms",
            tuple(spread.p95_ms for spread in spreads),
            baseline,
            f"the {GOOD} alone",
            Requirement(most=1.3, of="ratio"),
        )
        for name, spreads in results.items()
    ]


async def _measure(bench: Bench, dead: dict[str, str]) -> Spread:
    """Return the distribution over all webhooks of the good subscribers.

    With a dead one there is a slow one too.
    """
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(sink(bench.new_directory()))
        urls = {f"s{number}": f"http://127.0.0.1:{port}/hook/s{number}" for number in range(GOOD)}
        bad = (
            {**dead, "slow": f"http://127.0.0.1:{port}/hook/slow?after={SLOW_ANSWER_S}"}
            if dead
            else {}
        )
        site = await stack.enter_async_context(bench.site())
        for name, url in {**urls, **bad}.items():
            await new_subscriber(site, name, url)
        await stack.enter_async_context(site.role("work"))
        await stack.enter_async_context(site.role("receive"))
        seconds = max(bench.effort.seconds, _LEAST_SECONDS * bench.effort.share)
        traffic = await play(
            site.job(
                seconds,
                rate=CALLS_PER_S,
                keep_alive=False,
                warm_up_s=bench.effort.warm_up_s,
                stamps=True,
            )
        )
        return await Inbox(port).delays(traffic.sent, *urls)
