"""Two workers that a test kills, and waiting until their work is done."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable

import asyncpg

from app.db.connections import CONNECT_ERRORS, connect
from tests.processes import Process, Starter


async def fetch(url: str, query: str) -> list[asyncpg.Record]:
    """Return the rows of a query."""
    connection = await connect(url)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def until(condition: Callable[[], Awaitable[bool]], patience: float) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(patience):
        while not await condition():
            await asyncio.sleep(0.1)


async def settled(url: str) -> bool:
    """Return True if every notice is judged and every webhook delivered."""
    try:
        [left] = await fetch(
            url,
            "SELECT (SELECT count(*) FROM notices WHERE verdict IS NULL) + "
            "(SELECT count(*) FROM outbound_webhooks WHERE state <> 'delivered') AS count",
        )
    except CONNECT_ERRORS:
        return False
    return bool(left["count"] == 0)


class Crew:
    """Keeps two workers running."""

    def __init__(self, starter: Starter, settings: dict[str, str], chance: random.Random) -> None:
        self._starter = starter
        self._settings = settings
        self._chance = chance
        self.workers = [self._start() for _ in range(2)]
        self.kills = 0

    def _start(self) -> Process:
        return self._starter.start("work", **self._settings)

    def kill_one(self, number: int | None = None) -> None:
        """Kill a worker, at random without a `number`, and start another in its place."""
        if number is None:
            number = self._chance.randrange(len(self.workers))
        self.workers[number].kill()
        self.workers[number] = self._start()
        self.kills += 1

    async def put_to_sleep(self, seconds: float) -> None:
        """Stop a random worker for some time, longer than its lease, then let it continue."""
        sleeper = self._chance.choice(self.workers)
        os.kill(sleeper.pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        os.kill(sleeper.pid, signal.SIGCONT)
