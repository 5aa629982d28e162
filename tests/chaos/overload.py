"""More than the machine can do: twice the measured rate, and a backlog of webhooks."""

import asyncio
import time
from collections.abc import Awaitable, Sequence

from app.db.connections import Connection, connect
from bench.unjudged import append
from tests.chaos.aftermath import settle
from tests.chaos.caller import Caller
from tests.chaos.load import Answer
from tests.chaos.site import Site
from tests.processes import PROGRAM, environment

UNLIMITED = {"RESUME_RATE": "10000"}
"""A backlog is delivered as fast as possible; the default is gentle to its subscriber."""
_TIMES = 2
"""The load that is too much, as a multiple of what the machine can do."""
_AT_ONCE = 64
"""Calls that the measurement has in flight."""
_BACKLOG_RATE = 300.0
_MOST_SLOWER = 2.0
"""Greatest p99 of answers during the delivery of a backlog, as a multiple of the one before."""
_PER_APPEND = 5_000
_POLL_S = 0.25
_FEW = 100
"""Webhooks that are pending at any moment because of calls that go on."""
_PENDING = "SELECT count(*) FROM outbound_webhooks WHERE state = 'pending'"


async def call_twice_the_capacity(site: Site) -> list[Answer]:
    """Measure what the machine can do, and call at twice that rate."""
    _, warm_up = await _capacity(site)
    capacity, measured = await _capacity(site)
    caller = await Caller.start(site.urls, _TIMES * capacity, site.effort.overload_s)
    try:
        answers = await caller.finish(site.effort.overload_s)
    finally:
        await caller.close()
    print(f"    {capacity:.0f} calls a second pass through; called at {_TIMES * capacity:.0f}/s")
    return [*warm_up, *measured, *answers]


async def _capacity(site: Site) -> tuple[float, list[Answer]]:
    """Return the calls a second that pass through everything, up to every subscriber."""
    began = time.monotonic()
    caller = await Caller.start(site.urls, _AT_ONCE, site.effort.calm_s, at_once=True)
    try:
        answers = await caller.finish(site.effort.calm_s)
    finally:
        await caller.close()
    problems = await settle(site)
    assert not problems, problems
    return len(answers) / (time.monotonic() - began), answers


async def call_during_a_backlog(site: Site) -> list[Answer]:
    """Call before and during the delivery of a backlog, and compare the answers."""
    connection = await connect(site.store.admin_url)
    try:
        await _subscribers(site, "pause")
        await _append(connection, site.effort.backlog)
        await _pending(connection, site, least=site.effort.backlog)
        before = await _call(site)
        await _subscribers(site, "resume")
        during = await _call(site, until=_pending(connection, site, most=_FEW))
    finally:
        await connection.close()
    alone, beside = _p99(before), _p99(during)
    print(f"    p99 of answers: {1000 * alone:.1f} ms alone, {1000 * beside:.1f} ms beside it")
    if beside > max(_MOST_SLOWER * alone, site.effort.noise_s):
        site.problems.append(f"p99 of answers: {alone:.4f} s alone, {beside:.4f} s beside it")
    return [*before, *during]


async def _append(connection: Connection, count: int) -> None:
    for begin in range(0, count, _PER_APPEND):
        numbers = range(begin, min(begin + _PER_APPEND, count))
        await append(
            connection,
            [f"order_no=b-{number}&status=01&money=5400&sendid=b-{number}" for number in numbers],
        )


async def _pending(
    connection: Connection, site: Site, *, least: int = 0, most: float = float("inf")
) -> None:
    """Wait until so many webhooks are pending."""
    async with asyncio.timeout(site.effort.patience_s):
        while not least <= await connection.fetchval(_PENDING) <= most:
            await asyncio.sleep(_POLL_S)


async def _call(site: Site, until: Awaitable[None] | None = None) -> list[Answer]:
    seconds = site.effort.seconds
    caller = await Caller.start(site.urls, _BACKLOG_RATE, seconds)
    try:
        if until is not None:
            await until
        return await caller.finish(seconds)
    finally:
        await caller.close()


async def _subscribers(site: Site, action: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(PROGRAM, "subscribers", action, "shop"),
        env=environment(**site.settings),
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0


def _p99(answers: Sequence[Answer]) -> float:
    latencies = sorted(answer.latency_s for answer in answers)
    return latencies[int(0.99 * (len(latencies) - 1))]
