"""Delivery to twenty good subscribers beside a thousand dead ones of every kind.

The dead ones have a backlog that outlasts the run, and take none of the measured events: writing a
thousand more webhooks for each event is judging's work, which the case `arrival` measures.
"""

import os
from contextlib import AsyncExitStack

from bench.arrivals import Inbox, Spread
from bench.dead_subscribers import KINDS, Ports, black_hole
from bench.figures import Figure, Requirement
from bench.pending import enqueue_for_all, make_events, new_subscribers, settle
from bench.plan import Bench, interleaved
from bench.relay import dead_subscribers, sink
from bench.traffic import play

GOOD = 20
DEAD = 1_000
BACKLOG = 50
CALLS_PER_S = 10.0
SECONDS = 30.0
WARM_UP_S = 30.0
"""Longest time until all dead ones have timed out: each kind takes 5 or 15 s, and the first
attempts go to all of them."""


async def many_dead(bench: Bench) -> list[Figure]:
    """Measure call to arrival at 20 good subscribers, alone and beside 1,000 dead ones."""
    kinds = KINDS if os.geteuid() == 0 else KINDS[1:]
    dead = round(DEAD * min(bench.effort.share * 4, 1))

    async def alone() -> Spread:
        return await _measure(bench, (), 0)

    async def beside() -> Spread:
        return await _measure(bench, kinds, dead)

    results = await interleaved(bench, {"alone": alone, "beside the dead": beside})
    kinds_shown = (
        "every kind" if kinds is KINDS else "every kind but silent name servers, which need root"
    )
    return [
        Figure(
            "many-dead",
            f"call to arrival p95 at {GOOD} good subscribers beside {dead:,} dead of {kinds_shown},"
            f" {BACKLOG} webhooks pending for each",
            "ms",
            tuple(spread.p95_ms for spread in results["beside the dead"]),
            tuple(spread.p95_ms for spread in results["alone"]),
            f"the {GOOD} alone",
            Requirement(most=1.5, of="ratio"),
        )
    ]


async def _measure(bench: Bench, kinds: tuple[str, ...], dead: int) -> Spread:
    """Return the distribution over all webhooks of the good subscribers."""
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(sink(bench.new_directory()))
        name_server = f"127.{os.getpid() % 200 + 20}.9.9" if os.geteuid() == 0 else None
        ports, hole = Ports(), stack.enter_context(black_hole())
        await stack.enter_async_context(dead_subscribers(bench.new_directory(), ports, name_server))
        site = await stack.enter_async_context(bench.site())
        host = "127.0.0.1" if name_server is None else "good-{}.test"
        good = {
            f"good{number}": f"http://{host.format(number)}:{port}/hook/good{number}"
            for number in range(GOOD)
        }
        bad = [(kinds[number % len(kinds)], number) for number in range(dead)]
        await new_subscribers(
            site,
            {f"{kind}-{number}": ports.url(kind, number, hole) for kind, number in bad},
            ["payment.confirmed"],
        )
        if bad:
            await make_events(site, "backlog-", BACKLOG)
            await enqueue_for_all(site, "backlog-")
        await new_subscribers(site, good)
        await settle(site)
        await stack.enter_async_context(site.role("work", name_server))
        await stack.enter_async_context(site.role("receive"))
        warm_up_s = WARM_UP_S * bench.effort.share
        traffic = await play(
            site.job(
                SECONDS * bench.effort.share,
                rate=CALLS_PER_S,
                keep_alive=False,
                warm_up_s=warm_up_s,
                stamps=True,
            )
        )
        return await Inbox(port).delays(traffic.sent, *good)
