"""Postgres outage: rate of answers from the spool, and rate at which the spool drains after it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from app.db.connections import connect
from bench.cases.answers import CALLERS
from bench.figures import Figure, Requirement
from bench.plan import Bench, interleaved
from bench.relay import Site
from bench.traffic import Traffic, play

_SPOOLED = 100_000
_FEWEST = 200
_NEW_CALLS_PER_S = 100.0
_FASTEST_DRAIN_PER_S = 8_000
_POLL_S = 0.1
_PATIENCE_S = 300.0


class NotDrained(Exception):
    """The spool did not drain although Postgres was there."""


@dataclass(frozen=True, slots=True)
class Drain:
    """One drain of the spool.

    `per_s` is records a second once it began, `seconds` the time from the start of Postgres to its
    end, `meanwhile` the traffic of new calls.
    """

    per_s: float
    seconds: float
    meanwhile: Traffic


async def spool_answers(bench: Bench) -> list[Figure]:
    """Measure answers/s and latency at 64 connections without Postgres."""

    async def with_postgres() -> Traffic:
        async with bench.site() as site, site.role("receive"):
            return await _load(bench, site)

    async def without() -> Traffic:
        async with bench.site() as site, _away(bench), site.role("receive"):
            return await _load(bench, site)

    results = await interleaved(bench, {"Postgres down": without, "Postgres up": with_postgres})
    down, up = results["Postgres down"], results["Postgres up"]
    name = f"answers with Postgres down, {CALLERS} connections"
    rates = (tuple(traffic.per_s for traffic in down), tuple(traffic.per_s for traffic in up))
    p99 = (tuple(traffic.p99_ms for traffic in down), tuple(traffic.p99_ms for traffic in up))
    return [
        Figure(
            "spool-answers", name, "/s", *rates, "Postgres up", Requirement(least=0.3, of="ratio")
        ),
        Figure(
            "spool-answers",
            "answer p99 with Postgres down",
            "ms",
            *p99,
            "Postgres up",
            Requirement(most=100),
        ),
    ]


async def spool_drain(bench: Bench) -> list[Figure]:
    """Spool 100,000 calls, start Postgres again, and measure the drain beside new calls."""

    count = max(_FEWEST, int(_SPOOLED * bench.effort.share))
    drains = (await interleaved(bench, {"drain": partial(_drain, bench, count)}))["drain"]
    rates = tuple(each.per_s for each in drains)
    return [
        Figure(
            "spool-drain",
            f"drain of {count:,} calls",
            "/s",
            rates,
            required=Requirement(least=3_000),
        ),
        Figure(
            "spool-drain",
            "from Postgres' return to an empty spool",
            "s",
            tuple(each.seconds for each in drains),
        ),
        Figure(
            "spool-drain",
            f"answer p99 meanwhile, {_NEW_CALLS_PER_S:g}/s",
            "ms",
            tuple(each.meanwhile.p99_ms for each in drains),
        ),
    ]


async def _drain(bench: Bench, count: int) -> Drain:
    async with bench.site() as site, AsyncExitStack() as receiver:
        async with _away(bench):
            await receiver.enter_async_context(site.role("receive"))
            await play(site.job(_PATIENCE_S, callers=CALLERS, count=count))
            spooled_before = datetime.now(UTC)
        returned = time.monotonic()
        job = site.job(count / _FASTEST_DRAIN_PER_S, rate=_NEW_CALLS_PER_S, keep_alive=False)
        (per_s, emptied), meanwhile = await asyncio.gather(
            _watch(site.database_url or "", count, spooled_before), play(job)
        )
        return Drain(per_s, emptied - returned, meanwhile)


async def _watch(url: str, count: int, spooled_before: datetime) -> tuple[float, float]:
    """Return the records a second, and the time of the last.

    It counts from the last look at an empty table to the first that sees all. Raise NotDrained.
    """
    connection = await connect(url)
    began = time.monotonic()
    deadline, seen = began + _PATIENCE_S, 0
    try:
        while (moment := time.monotonic()) < deadline:
            seen = await connection.fetchval(
                "SELECT count(*) FROM notices WHERE received_at <= $1", spooled_before
            )
            if seen >= count:
                moment = time.monotonic()
                return count / (moment - began), moment
            if not seen:
                began = moment
            await asyncio.sleep(_POLL_S)
    finally:
        await connection.close()
    raise NotDrained(f"{seen} of {count}")


async def _load(bench: Bench, site: Site) -> Traffic:
    return await play(
        site.job(bench.effort.seconds, callers=CALLERS, warm_up_s=bench.effort.warm_up_s)
    )


@asynccontextmanager
async def _away(bench: Bench) -> AsyncIterator[None]:
    """Stop Postgres for the time of the block."""
    await asyncio.to_thread(bench.database.stop)
    try:
        yield
    finally:
        await asyncio.to_thread(bench.database.start)
