"""Resident memory of the processes, after or under load, without Postgres."""

import asyncio
from contextlib import AsyncExitStack

from bench.arrivals import Inbox
from bench.figures import Figure, Requirement
from bench.pending import new_subscriber
from bench.plan import Bench, interleaved
from bench.relay import Site, declared, sink
from bench.traffic import play

SENDS = 200
_SUBSCRIBERS = 20
_ANSWER_AFTER_S = 2.0


async def memory(bench: Bench) -> list[Figure]:
    """Measure a receiver and `up` after a load, and a worker with 200 sends in flight."""

    async def receiver() -> float:
        async with bench.site() as site, site.role("receive") as process:
            await play(site.job(bench.effort.seconds, warm_up_s=0))
            return process.memory_mb()

    async def up() -> float:
        return await _of_up(bench)

    async def worker() -> float:
        return await _of_worker(bench)

    results = await interleaved(bench, {"receiver": receiver, "up": up, "worker": worker})
    figures = (
        ("receiver after full load", "receiver", 75),
        ("both processes of up after load, without its Postgres", "up", 215),
        (f"worker at {SENDS} concurrent sends", "worker", 110),
    )
    return [
        Figure("memory", name, "MB", tuple(results[side]), required=Requirement(most=most))
        for name, side, most in figures
    ]


async def _of_up(bench: Bench) -> float:
    """Measure `up` as a new user runs it; the embedded Postgres is a process of its own."""
    directory = bench.new_directory()
    async with sink(directory) as port:
        site = Site(None, directory, declared({"shop": f"http://127.0.0.1:{port}/hook/shop"}))
        async with site.role("up") as process:
            traffic = await play(
                site.job(bench.effort.seconds, rate=200.0, keep_alive=False, stamps=True)
            )
            await Inbox(port).delays(traffic.sent, "shop")
            return process.memory_mb()


async def _of_worker(bench: Bench) -> float:
    """Return the highest value seen while every send waits for its answer."""
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(sink(bench.new_directory()))
        site = await stack.enter_async_context(bench.site())
        for number in range(_SUBSCRIBERS):
            await new_subscriber(
                site,
                f"s{number}",
                f"http://127.0.0.1:{port}/hook/s{number}?after={_ANSWER_AFTER_S}",
            )
        worker = await stack.enter_async_context(site.role("work"))
        await stack.enter_async_context(site.role("receive"))
        await play(site.job(60, callers=8, count=100))
        inbox = Inbox(port)
        await inbox.wait_for(SENDS)
        seen = []
        for _ in range(10):
            await asyncio.sleep(_ANSWER_AFTER_S / 4)
            seen.append(worker.memory_mb())
        await inbox.look()
        assert inbox.most_waiting >= 0.95 * SENDS, f"only {inbox.most_waiting} sends were in flight"
        return max(seen)
