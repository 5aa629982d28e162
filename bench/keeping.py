"""Housekeeping at size: the time of its statements, and its effect on appends and claims."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from app.clock import now, uuid7
from app.db.connections import connect
from app.db.engine import Sessions, make_engine, make_sessions
from app.forwarding.queue.claims import claim
from app.operations.maintenance.erasure import erase_old
from app.operations.maintenance.pruning import NOTHING, prune_answers, prune_history
from app.recording.notice import RawNotice
from app.recording.postgres.insert import append_notices
from bench.figures import Figure, Requirement
from bench.plan import Bench
from bench.relay import Site

AGE = timedelta(days=90)
_BATCHES = 100
_BETWEEN_S = 0.02
_PAUSE_S = 0.05
_SAMPLE_S = 0.01
_MOST_STATEMENT_MS = 1_000
_MOST_WAIT_MS = 200
_LOCK_WAITS = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0)::float8 FROM pg_locks
WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(slots=True)
class Seen:
    """Observations during housekeeping, in milliseconds; `waits` are waits for locks."""

    statements: list[float] = field(default_factory=list)
    appends: list[float] = field(default_factory=list)
    claims: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)


async def keep_house(bench: Bench, site: Site) -> list[Figure]:
    """Erase and prune batch by batch, beside an appender and a claimer."""
    engine, others = make_engine(site.database_url or ""), make_engine(site.database_url or "")
    batches = max(int(_BATCHES * min(bench.effort.size / 1_000_000, 5)), 2)
    quiet, busy = Seen(), Seen()
    try:
        async with _others(site, make_sessions(others), quiet):
            await asyncio.sleep(bench.effort.seconds)
        _time_statements(engine, busy)
        async with _others(site, make_sessions(others), busy):
            rates = {
                name: await _rate(bench, name, work, batches)
                for name, work in _works(make_sessions(engine)).items()
            }
    finally:
        await engine.dispose()
        await others.dispose()
    return [
        *_figures(quiet, busy),
        *(Figure("at-size", f"{name}, with pauses", "/s", (rate,)) for name, rate in rates.items()),
    ]


def _works(sessions: Sessions) -> dict[str, Callable[[], Awaitable[int]]]:
    """Run one batch of each kind of work. Return the number of its rows."""
    place: dict[str, int] = {"after": 0}
    answer = [NOTHING]

    async def prune() -> int:
        last, pruned = await prune_history(sessions, AGE, after=place["after"])
        place["after"] = last or 0
        return pruned

    async def answers() -> int:
        last, pruned = await prune_answers(sessions, AGE, after=answer[0])
        answer[0] = last or NOTHING
        return pruned

    async def again() -> int:
        """Begin the next pass at the start, among entries that vacuum has not removed."""
        return (await prune_history(sessions, AGE))[1]

    return {
        "notices erased": lambda: erase_old(sessions, AGE),
        "webhooks pruned": prune,
        "webhooks pruned from the beginning": again,
        "answers pruned": answers,
    }


async def _rate(bench: Bench, name: str, work: Callable[[], Awaitable[int]], batches: int) -> float:
    rows, started = 0, time.perf_counter()
    for _ in range(batches):
        rows += await work()
        await asyncio.sleep(_PAUSE_S)
    took = time.perf_counter() - started
    bench.say(f"  {name}: {rows:,} in {took:.1f} s")
    return rows / took


def _figures(quiet: Seen, busy: Seen) -> list[Figure]:
    def figure(
        name: str, values: list[float], most: float | None, beside: list[float] | None = None
    ) -> Figure:
        required = None if most is None else Requirement(most=most)
        return Figure(
            "at-size",
            name,
            "ms",
            (max(values),),
            () if beside is None else (max(beside),),
            "without it",
            required,
        )

    return [
        figure("longest statement of housekeeping", busy.statements, _MOST_STATEMENT_MS),
        figure("longest append beside it", busy.appends, None, quiet.appends),
        figure("longest claim beside it", busy.claims, None, quiet.claims),
        figure("longest wait for a lock beside it", busy.waits, _MOST_WAIT_MS, quiet.waits),
    ]


def _time_statements(engine: AsyncEngine, seen: Seen) -> None:
    started = [0.0]

    def before(*_: Any) -> None:
        started[0] = time.perf_counter()

    def after(*_: Any) -> None:
        seen.statements.append((time.perf_counter() - started[0]) * 1000)

    event.listen(engine.sync_engine, "before_cursor_execute", before)
    event.listen(engine.sync_engine, "after_cursor_execute", after)


@asynccontextmanager
async def _others(site: Site, sessions: Sessions, seen: Seen) -> AsyncIterator[None]:
    """Run an appender, a claimer and an observer of lock waits during the block."""
    tasks = [
        asyncio.create_task(work)
        for work in (_append(site, seen), _claim(sessions, seen), _look(site, seen))
    ]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _append(site: Site, seen: Seen) -> None:
    connection = await connect(site.database_url or "")
    try:
        while True:
            notice = RawNotice(
                uuid7(),
                1,
                now(),
                "192.0.2.1",
                "GET",
                f"/zeus/notify?order_no=k-{uuid4().hex}".encode(),
                b"",
                b"",
            )
            started = time.perf_counter()
            await append_notices(connection, [notice], [(notice.id, now())])
            seen.appends.append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(_BETWEEN_S)
    finally:
        connection.terminate()


async def _claim(sessions: Sessions, seen: Seen) -> None:
    """Claim as a worker does, and roll the claim back."""
    while True:
        async with sessions() as session:
            started = time.perf_counter()
            await claim(
                session,
                limit=64,
                busy=[],
                lease=timedelta(seconds=30),
                order_hold=timedelta(hours=1),
            )
            seen.claims.append((time.perf_counter() - started) * 1000)
            await session.rollback()
        await asyncio.sleep(_BETWEEN_S)


async def _look(site: Site, seen: Seen) -> None:
    connection = await connect(site.database_url or "")
    try:
        while True:
            seen.waits.append(float(await connection.fetchval(_LOCK_WAITS)) * 1000)
            await asyncio.sleep(_SAMPLE_S)
    finally:
        connection.terminate()
