"""How many webhooks one worker delivers, beside aiohttp alone and beside the same job built of procrastinate and httpx."""

import asyncio
import sys

from bench.arrivals import Inbox
from bench.baselines.environment import PROGRAM, baseline_python
from bench.figures import Figure, Requirement
from bench.owed import DATA, make_events, owe, settle, subscriber
from bench.plan import Bench, interleaved
from bench.relay import Site, sink

CONCURRENCY = 64
DEFAULT_IN_FLIGHT = 16
_WEBHOOKS = 10_000
_BARE_POSTS = 20_000
_JOBS = 1_500


class BaselineFailed(Exception):
    """A baseline's process ended with an error."""


async def delivery(bench: Bench) -> list[Figure]:
    """Deliveries/s of one worker process to a subscriber that answers at once."""
    python = await baseline_python()

    async def worker() -> float:
        return await worker_rate(bench, CONCURRENCY)

    async def worker_by_default() -> float:
        return await worker_rate(bench, DEFAULT_IN_FLIGHT)

    async def bare() -> float:
        async with sink(bench.new_directory()) as port:
            module = ("-m", "bench.baselines.bare_posts")
            await _run(sys.executable, *module, _url(port), str(_share(bench, _BARE_POSTS)), str(CONCURRENCY))
            return await _rate(port, _share(bench, _BARE_POSTS))

    async def parts() -> float:
        async with bench.database.fresh() as url, sink(bench.new_directory()) as port:
            count = _share(bench, _JOBS)
            await _run(python, PROGRAM, "defer", url, _url(port), str(count), given=DATA)
            await _run(python, PROGRAM, "work", url, str(CONCURRENCY))
            return await _rate(port, count)

    sides = {"worker": worker, "aiohttp alone": bare, "procrastinate + httpx": parts, "worker, default limit": worker_by_default}
    rates = {name: tuple(rounds) for name, rounds in (await interleaved(bench, sides)).items()}
    name = f"deliveries of one worker, {CONCURRENCY} at once"
    by_default = f"deliveries of one worker, {DEFAULT_IN_FLIGHT} at once (default)"
    bare_rates, part_rates = rates["aiohttp alone"], rates["procrastinate + httpx"]
    least = Requirement(least=0.35, of="ratio")
    return [
        Figure("delivery", name, "/s", rates["worker"], bare_rates, "aiohttp alone", least),
        Figure("delivery", name, "/s", rates["worker"], part_rates, "procrastinate + httpx", Requirement(least=8, of="ratio")),
        Figure("delivery", by_default, "/s", rates["worker, default limit"], bare_rates, "aiohttp alone", least),
    ]


async def worker_rate(bench: Bench, at_once: int) -> float:
    """Deliveries/s of a worker that finds everything owed when it starts, one event of each order, for one subscriber."""
    async with bench.site() as site:
        return await rate_of_backlog(bench, site, at_once)


async def rate_of_backlog(bench: Bench, site: Site, at_once: int) -> float:
    """As `worker_rate`, in a given installation."""
    count = _share(bench, _WEBHOOKS)
    async with sink(bench.new_directory()) as port, subscriber(site, f"shop-{port}", _url(port), max_in_flight=at_once) as subscriber_id:
        prefix = f"owed-{port}-"
        await make_events(site, prefix, count)
        await owe(site, prefix, subscriber_id)
        await settle(site)
        async with site.role("work"):
            return await _rate(port, count)


async def _rate(port: int, count: int) -> float:
    inbox = Inbox(port)
    await inbox.wait_for(count)
    return inbox.per_s


def _share(bench: Bench, count: int) -> int:
    return max(50, int(count * bench.effort.share))


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/hook/shop"


async def _run(*arguments: str, given: str = "") -> None:
    process = await asyncio.create_subprocess_exec(
        *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate(given.encode())
    if process.returncode:
        raise BaselineFailed(errors.decode(errors="replace")[-2_000:])
