"""Effect of history: a million webhooks of a paused subscriber, and five million delivered ones."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

from bench.arrivals import Inbox, Spread
from bench.cases.delivery import CONCURRENCY, deliveries_of_backlog
from bench.figures import Figure, Requirement
from bench.pending import (
    enqueue,
    make_attempts,
    make_events,
    new_subscriber,
    pause,
    settle,
    subscriber,
)
from bench.plan import Bench, interleaved
from bench.ports import free_port
from bench.relay import Site, sink
from bench.traffic import play

CALLS_PER_S = 50.0
_PENDING = 1_000_000
_DELIVERED = 5_000_000
_SMALL = '{"order_no":"ORDER-NO","sequence":1}'
_FEWEST = 100


Sites = Callable[[], AbstractAsyncContextManager[Site]]


async def big_tables(bench: Bench) -> list[Figure]:
    """Measure rate and latency of the other subscribers, beside an empty database."""
    async with bench.site() as crowded:
        bench.say("  making the rows")
        await _fill(bench, crowded)
        sites: dict[str, Sites] = {"big": partial(_existing, crowded), "empty": bench.site}
        rates = await interleaved(
            bench, {name: partial(_rate, bench, site) for name, site in sites.items()}
        )
        spreads = await interleaved(
            bench, {name: partial(_delay, bench, site) for name, site in sites.items()}
        )
    return [
        _figure("deliveries of one worker", "/s", rates, Requirement(least=0.85, of="ratio")),
        _figure(
            "call to arrival p50, 50/s",
            "ms",
            _rounds_of(spreads, "p50_ms"),
            Requirement(most=1 / 0.85, of="ratio"),
        ),
        _figure(
            "call to arrival p95, 50/s",
            "ms",
            _rounds_of(spreads, "p95_ms"),
            Requirement(most=1 / 0.85, of="ratio"),
        ),
    ]


async def _fill(bench: Bench, site: Site) -> None:
    """Insert the rows of a long life: events, deliveries to one subscriber, backlog of another."""
    pending, delivered = (
        max(_FEWEST, int(count * bench.effort.share)) for count in (_PENDING, _DELIVERED)
    )
    held = await new_subscriber(site, "held", f"http://127.0.0.1:{free_port()}/hook/held")
    past = await new_subscriber(site, "past", f"http://127.0.0.1:{free_port()}/hook/past")
    await make_events(site, "past-a-", pending, _SMALL)
    await make_events(site, "past-b-", delivered - pending, _SMALL)
    await enqueue(site, "past-a-", held)
    await enqueue(site, "past-", past, "delivered")
    await make_attempts(site)
    for name in ("held", "past"):
        await pause(site, name)
    await settle(site)


async def _rate(bench: Bench, sites: Sites) -> float:
    async with sites() as site:
        return (await deliveries_of_backlog(bench, site, CONCURRENCY)).per_s


async def _delay(bench: Bench, sites: Sites) -> Spread:
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(sites())
        port = await stack.enter_async_context(sink(bench.new_directory()))
        await stack.enter_async_context(
            subscriber(site, f"shop-{port}", f"http://127.0.0.1:{port}/hook/shop")
        )
        for role in ("work", "receive"):
            await stack.enter_async_context(site.role(role))
        job = site.job(
            bench.effort.seconds,
            rate=CALLS_PER_S,
            keep_alive=False,
            warm_up_s=2 * bench.effort.warm_up_s,
            stamps=True,
        )
        traffic = await play(job)
        return await Inbox(port).delays(traffic.sent, "shop")


@asynccontextmanager
async def _existing(site: Site) -> AsyncIterator[Site]:
    yield site


def _rounds_of(spreads: dict[str, list[Spread]], quantile: str) -> dict[str, list[float]]:
    return {
        name: [getattr(spread, quantile) for spread in rounds] for name, rounds in spreads.items()
    }


def _figure(name: str, unit: str, rounds: dict[str, list[float]], required: Requirement) -> Figure:
    how = f"{name}, 6,000,000 rows of the past"
    return Figure(
        "big-tables",
        how,
        unit,
        tuple(rounds["big"]),
        tuple(rounds["empty"]),
        "empty tables",
        required,
    )
