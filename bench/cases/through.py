"""Calls sent as fast as they are answered, from the first call to the last webhook.

On a database fresh from `migrate` and on one that has grown since, with the same processes.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from app.db.connections import connect
from bench.arrivals import Inbox
from bench.figures import Figure, Requirement
from bench.plan import Bench, interleaved
from bench.relay import Site, declared, sink
from bench.traffic import play
from bench.unjudged import append, until

BURST = 10_000
MANY = 100_000
_PER_APPEND = 5_000
LEAST_PER_S = 3_000.0
LEAST_DELIVERIES_PER_S = 4_500.0
LEAST_JUDGED_PER_S = 6_000.0
"""About three quarters of what a quiet machine of two cores does."""
LEAST_AT_FIRST = 0.9
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Bursts:
    """Calls a second from first call to last webhook: of bursts on a fresh database and later."""

    first: float
    first_many: float
    later_many: float
    later: float


async def through(bench: Bench) -> list[Figure]:
    """Measure bursts through everything, with one and two subscribers, and judging alone."""

    async def one() -> Bursts:
        return await _bursts(bench)

    async def two() -> float:
        return await _two_subscribers(bench)

    async def judged() -> float:
        return await _judging_alone(bench)

    results = await interleaved(
        bench, {"one subscriber": one, "two subscribers": two, "judging alone": judged}
    )
    bursts: list[Bursts] = results["one subscriber"]  # type: ignore[assignment]
    two_rates: list[float] = results["two subscribers"]  # type: ignore[assignment]
    judged_rates: list[float] = results["judging alone"]  # type: ignore[assignment]
    least = Requirement(least=LEAST_PER_S)
    few, many = (round(number * bench.effort.share) for number in (BURST, MANY))
    return [
        _rate(f"{few:,} calls through, fresh", [one.first for one in bursts], least),
        _rate(f"{few:,} calls through, later", [one.later for one in bursts], least),
        _rate(f"{many:,} calls through, later", [one.later_many for one in bursts], least),
        Figure(
            "through",
            f"the first {many:,} calls through after migrate",
            "/s",
            tuple(one.first_many for one in bursts),
            tuple(one.later_many for one in bursts),
            "the same later",
            Requirement(least=LEAST_AT_FIRST, of="ratio"),
        ),
        _rate(
            "deliveries to two subscribers", two_rates, Requirement(least=LEAST_DELIVERIES_PER_S)
        ),
        _rate("notices judged, no subscriber", judged_rates, Requirement(least=LEAST_JUDGED_PER_S)),
    ]


def _rate(name: str, rates: list[float], required: Requirement) -> Figure:
    return Figure("through", name, "/s", tuple(rates), required=required)


async def _bursts(bench: Bench) -> Bursts:
    share = bench.effort.share
    async with bench.site_with_sink(("receive", "work")) as (site, port):
        inbox = Inbox(port)
        first = await _burst(site, inbox, round(BURST * share))
    async with bench.site_with_sink(("receive", "work")) as (site, port):
        inbox = Inbox(port)
        first_many = await _burst(site, inbox, round(MANY * share))
        later_many = await _burst(site, inbox, round(MANY * share))
        later = await _burst(site, inbox, round(BURST * share))
    return Bursts(first, first_many, later_many, later)


async def _burst(site: Site, inbox: Inbox, calls: int, subscribers: int = 1) -> float:
    """Return deliveries a second, from the first call to the last webhook."""
    inbox.first.clear()
    traffic = await play(site.job(_PATIENCE_S, count=calls, stamps=True))
    await inbox.wait_for(calls * subscribers)
    return calls * subscribers / (max(inbox.first.values()) - min(traffic.sent.values()))


async def _two_subscribers(bench: Bench) -> float:
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(sink(bench.new_directory()))
        urls = {name: f"http://127.0.0.1:{port}/hook/{name}" for name in ("shop", "books")}
        site = await stack.enter_async_context(bench.site(declared(urls)))
        for role in ("receive", "work"):
            await stack.enter_async_context(site.role(role))
        calls = round(BURST * bench.effort.share)
        await _burst(site, Inbox(port), calls, 2)
        return await _burst(site, Inbox(port), calls, 2)


async def _judging_alone(bench: Bench) -> float:
    """Return notices judged a second, all of them recorded before the worker starts."""
    calls = round(MANY // 2 * bench.effort.share)
    async with bench.site() as site:
        connection = await connect(site.database_url or "")
        try:
            for begin in range(0, calls, _PER_APPEND):
                await append(
                    connection,
                    [
                        f"order_no=j-{number}&status=01&money=5400&sendid=j-{number}"
                        for number in range(begin, min(begin + _PER_APPEND, calls))
                    ],
                )
            async with site.role("work"):
                await until(connection, "SELECT count(*) > 0 FROM orders")
                left = await connection.fetchval(
                    "SELECT count(*) FROM notices WHERE verdict IS NULL"
                )
                seconds = await until(
                    connection,
                    "SELECT NOT EXISTS (SELECT 1 FROM notices WHERE verdict IS NULL)",
                )
                return float(left / max(seconds, 0.001))
        finally:
            await connection.close()
