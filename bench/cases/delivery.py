"""Delivery rate of one worker, beside aiohttp alone and beside procrastinate with httpx."""

import asyncio
import sys
from dataclasses import dataclass
from functools import partial

from bench.arrivals import Inbox
from bench.baselines.environment import PROGRAM, baseline_python
from bench.figures import Figure, Requirement
from bench.pending import DATA, enqueue, make_events, settle, subscriber
from bench.plan import Bench, interleaved
from bench.relay import Site, sink

CONCURRENCY = 64
DEFAULT_IN_FLIGHT = 16
_WEBHOOKS = 30_000
_BARE_POSTS = 30_000
_JOBS = 1_500


class BaselineFailed(Exception):
    """A baseline's process ended with an error."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """One run: arrivals a second, and processor time per arrival of the sending process."""

    per_s: float
    cpu_us: float


async def delivery(bench: Bench) -> list[Figure]:
    """Measure deliveries/s of one worker to a subscriber that answers immediately."""
    results = await interleaved(
        bench,
        {
            "worker": partial(_worker, bench, CONCURRENCY),
            "aiohttp alone": partial(_bare, bench),
            "procrastinate + httpx": partial(_procrastinate, bench, await baseline_python()),
            "worker, default limit": partial(_worker, bench, DEFAULT_IN_FLIGHT),
        },
    )
    worker, by_default = results["worker"], results["worker, default limit"]
    rate, cpu = (
        f"deliveries of one worker, {CONCURRENCY} in flight",
        "processor time of the sender per delivery",
    )
    rate_by_default = f"deliveries of one worker, {DEFAULT_IN_FLIGHT} in flight (default)"
    bare, built = results["aiohttp alone"], results["procrastinate + httpx"]
    least = Requirement(least=0.45, of="ratio")
    return [
        Figure("delivery", rate, "/s", _rates(worker), _rates(bare), "aiohttp alone", least),
        Figure(
            "delivery",
            rate,
            "/s",
            _rates(worker),
            _rates(built),
            "procrastinate + httpx",
            Requirement(least=8, of="ratio"),
        ),
        Figure(
            "delivery",
            rate_by_default,
            "/s",
            _rates(by_default),
            _rates(bare),
            "aiohttp alone",
            least,
        ),
        Figure("delivery", cpu, "µs", _cpu(worker), _cpu(bare), "aiohttp alone"),
        Figure("delivery", cpu, "µs", _cpu(worker), _cpu(built), "procrastinate + httpx"),
    ]


async def deliveries_of_backlog(bench: Bench, site: Site, at_once: int) -> Deliveries:
    """Measure a worker that starts with a backlog of one subscriber, one event of each order."""
    count = _share(bench, _WEBHOOKS)
    async with (
        sink(bench.new_directory()) as port,
        subscriber(site, f"shop-{port}", _url(port), max_in_flight=at_once) as subscriber_id,
    ):
        prefix = f"backlog-{port}-"
        await make_events(site, prefix, count)
        await enqueue(site, prefix, subscriber_id)
        await settle(site)
        async with site.role("work") as worker:
            before = worker.cpu_s()
            rate = await _rate(port, count)
            return Deliveries(rate, 1e6 * (worker.cpu_s() - before) / count)


async def _worker(bench: Bench, at_once: int) -> Deliveries:
    async with bench.site() as site:
        return await deliveries_of_backlog(bench, site, at_once)


async def _bare(bench: Bench) -> Deliveries:
    count = _share(bench, _BARE_POSTS)
    async with sink(bench.new_directory()) as port:
        cpu_s = await _run(
            sys.executable,
            "-m",
            "bench.baselines.bare_posts",
            _url(port),
            str(count),
            str(CONCURRENCY),
        )
        return Deliveries(await _rate(port, count), 1e6 * cpu_s / count)


async def _procrastinate(bench: Bench, python: str) -> Deliveries:
    count = _share(bench, _JOBS)
    async with bench.database.fresh() as url, sink(bench.new_directory()) as port:
        await _run(python, PROGRAM, "defer", url, _url(port), str(count), given=DATA)
        cpu_s = await _run(python, PROGRAM, "work", url, str(CONCURRENCY))
        return Deliveries(await _rate(port, count), 1e6 * cpu_s / count)


async def _rate(port: int, count: int) -> float:
    inbox = Inbox(port)
    await inbox.wait_for(count)
    return inbox.per_s


async def _run(*arguments: str, given: str = "") -> float:
    """Run a baseline to its end. Return its processor time in seconds. Raise BaselineFailed."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(given.encode())
    if process.returncode:
        raise BaselineFailed(errors.decode(errors="replace")[-2_000:])
    return float(output)


def _rates(rounds: list[Deliveries]) -> tuple[float, ...]:
    return tuple(each.per_s for each in rounds)


def _cpu(rounds: list[Deliveries]) -> tuple[float, ...]:
    return tuple(each.cpu_us for each in rounds)


def _share(bench: Bench, count: int) -> int:
    return max(50, int(count * bench.effort.share))


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/hook/shop"
