"""Applications: how many a second beside aiohttp alone, and what they cost receiving."""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bench.fake_zeus import OWN_SECONDS
from bench.figures import Figure, Requirement
from bench.plan import Bench, interleaved
from bench.relay import ROOT, fake_zeus
from bench.traffic import Traffic, play

AT_ONCE = 64
CALLS_PER_S = 500.0
"""Calls offered while applications are sent: far more than a merchant has."""
_OWN_MS = 1_000 * OWN_SECONDS
_LEAST_SECONDS = 3.0
"""Some applications must have ended by then, also in the shortest run."""


@dataclass(frozen=True, slots=True)
class Applied:
    """Result of a load of applications."""

    per_s: float
    p95_ms: float


async def applications(bench: Bench) -> list[Figure]:
    """Measure applications/s, p95 over Zeus's own time, and receiving beside them."""

    async def relay() -> Applied:
        async with AsyncExitStack() as stack:
            return await _through_relay(bench, stack)

    async def bare() -> Applied:
        async with fake_zeus(bench.new_directory()) as zeus:
            return await _apply(bench, "bare", zeus)

    async def alone() -> Traffic:
        async with bench.site() as site, site.role("receive"):
            return await play(
                site.job(_seconds(bench), rate=CALLS_PER_S, warm_up_s=bench.effort.warm_up_s)
            )

    async def beside() -> Traffic:
        async with AsyncExitStack() as stack:
            return await _receive_beside(bench, stack)

    sides = {"relay": relay, "aiohttp alone": bare}
    applied = await interleaved(bench, sides)
    received = await interleaved(bench, {"receiving alone": alone, "beside": beside})
    how = f"{AT_ONCE} at once, Zeus takes {_OWN_MS:.0f} ms"
    calls = f"while {AT_ONCE} applications are on their way, {CALLS_PER_S:.0f} calls/s offered"
    return [
        Figure(
            "applications",
            f"applications, {how}",
            "/s",
            tuple(one.per_s for one in applied["relay"]),
            tuple(one.per_s for one in applied["aiohttp alone"]),
            "aiohttp alone",
            Requirement(least=0.5, of="ratio"),
        ),
        Figure(
            "applications",
            f"p95 over Zeus's own time, {how}",
            "ms",
            tuple(one.p95_ms - _OWN_MS for one in applied["relay"]),
            tuple(one.p95_ms - _OWN_MS for one in applied["aiohttp alone"]),
            "aiohttp alone",
        ),
        Figure(
            "applications",
            f"calls answered {calls}",
            "/s",
            tuple(one.per_s for one in received["beside"]),
            tuple(one.per_s for one in received["receiving alone"]),
            "no application",
            Requirement(least=0.95, of="ratio"),
        ),
        Figure(
            "applications",
            f"answer p99 {calls}",
            "ms",
            tuple(one.p99_ms for one in received["beside"]),
            tuple(one.p99_ms for one in received["receiving alone"]),
            "no application",
        ),
    ]


async def _through_relay(bench: Bench, stack: AsyncExitStack) -> Applied:
    zeus = await stack.enter_async_context(fake_zeus(bench.new_directory()))
    site = await stack.enter_async_context(bench.site(_settings(zeus)))
    port = await stack.enter_async_context(site.operator())
    return await _apply(bench, "relay", f"http://127.0.0.1:{port}/v1/applications")


async def _receive_beside(bench: Bench, stack: AsyncExitStack) -> Traffic:
    zeus = await stack.enter_async_context(fake_zeus(bench.new_directory()))
    site = await stack.enter_async_context(bench.site(_settings(zeus)))
    port = await stack.enter_async_context(site.operator())
    await stack.enter_async_context(site.role("receive"))
    url = f"http://127.0.0.1:{port}/v1/applications"
    applying = asyncio.create_task(_apply(bench, "relay", url))
    effort = bench.effort
    traffic = await play(site.job(_seconds(bench), rate=CALLS_PER_S, warm_up_s=effort.warm_up_s))
    await applying
    return traffic


def _seconds(bench: Bench) -> float:
    return max(bench.effort.seconds, _LEAST_SECONDS)


def _settings(zeus: str) -> dict[str, str]:
    return {"APPLICATION_URL": zeus, "IP_CODES": "2012000001"}


async def _apply(bench: Bench, way: str, url: str) -> Applied:
    """Apply at `url` in a process of its own."""
    effort = bench.effort
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.applying",
        way,
        url,
        "b",
        str(AT_ONCE),
        str(_seconds(bench)),
        str(effort.warm_up_s),
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": ROOT, "PATH": ""},
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the load of applications ended with {process.returncode}")
    return Applied(**json.loads(output))
