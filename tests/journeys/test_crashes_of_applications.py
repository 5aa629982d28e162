"""Applications while the relay, Postgres and the network are killed and cut: one slip for a key."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.db.migrations import migrate
from tests.journeys.crew import fetch, until
from tests.journeys.slip_counter import CuttingNetwork, SlipCounter
from tests.processes import ADMIN_TOKEN, Process, Starter, processes, service_settings
from tests.recording.own_server import OwnServer, own_server

SECONDS = float(os.environ.get("CRASH_SECONDS", "10"))
APPLICATIONS = round(min(2_000, 35 * SECONDS))
AT_ONCE = 24
PATIENCE_SECONDS = 240
"""Longest time for all applications: a busy machine makes few a second while it is killed."""
_SETTINGS = {"APPLICATION_TIMEOUT": "2s", "IP_CODES": "2012000001", "SUBSCRIBERS": "[]"}
_CUSTOMER = {"name": "コンビニ タロウ", "telno": "0312345678", "email": "taro@example.com"}
_STATES = "SELECT id, key, state, order_no, sendid, tries, resolved_by FROM applications"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(SECONDS + 2 * PATIENCE_SECONDS)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnServer]:
    """Yield a Postgres that can be killed; it keeps what it committed."""
    with own_server(tmp_path / "server") as running:
        yield running


class Operators:
    """Keeps two processes running that apply."""

    def __init__(self, starter: Starter, settings: dict[str, str]) -> None:
        self._starter = starter
        self._settings = settings
        self.processes = [self._start() for _ in range(2)]
        self.urls: list[str | None] = [None, None]
        self.kills = 0

    def _start(self) -> Process:
        return self._starter.start("operate", **self._settings)

    async def ready(self, number: int) -> None:
        """Wait until an operator answers."""
        host, port = await self.processes[number].ready("operator")
        self.urls[number] = f"http://{host}:{port}/v1/applications"

    async def kill(self, number: int) -> None:
        """Kill one and start it again."""
        self.urls[number] = None
        self.processes[number].kill()
        self.kills += 1
        while True:
            self.processes[number] = self._start()
            try:
                await self.ready(number)
            except AssertionError:  # Postgres was away at its start
                await asyncio.sleep(0.5)
            else:
                return


class Shop:
    """Applies with one key for each purchase, again and again until it knows or may not."""

    def __init__(self, operators: Operators, chance: random.Random) -> None:
        self._operators = operators
        self._chance = chance
        self.told: dict[str, dict[str, Any]] = {}

    async def apply(self, client: aiohttp.ClientSession, key: str) -> None:
        """Apply until the relay says what came of it. A shop waits as long as it must."""
        request = {
            "money": self._chance.randrange(200, 300_000),
            "store": "lawson",
            "customer": {
                "name": "コンビニ タロウ",
                "telno": "0312345678",
                "email": "t@example.com",
            },
            "sendid": key,
        }
        while True:
            url = self._operators.urls[self._chance.randrange(2)]
            if url is not None:
                with suppress(aiohttp.ClientError, TimeoutError):
                    headers = {"Idempotency-Key": key}
                    async with client.post(url, json=request, headers=headers) as answer:
                        if answer.status in (201, 202):
                            self.told[key] = await answer.json()
                            return
                        assert answer.status in (500, 503), await answer.text()
            await asyncio.sleep(0.1)


@asynccontextmanager
async def _broken_at_random(
    operators: Operators, server: OwnServer, network: CuttingNetwork, chance: random.Random
) -> AsyncIterator[None]:
    """Kill operators and Postgres and take the network away during this block."""

    async def breaking() -> None:
        while True:
            await asyncio.sleep(chance.uniform(0.3, 1))
            match chance.randrange(6):
                case 0:
                    await asyncio.to_thread(server.stop, "immediate")
                    await asyncio.sleep(chance.uniform(0, 1))
                    await asyncio.to_thread(server.start)
                case 1:
                    network.down = True
                    await asyncio.sleep(chance.uniform(0, 1))
                    network.down = False
                case _:
                    await operators.kill(chance.randrange(2))

    task = asyncio.create_task(breaking())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        network.down = False
        with suppress(Exception):  # it may have been ended, or be running
            await asyncio.to_thread(server.start)


async def test_no_key_makes_two_slips_whatever_is_killed(server: OwnServer, tmp_path: Path) -> None:
    chance = random.Random(17)
    await migrate(server.url)
    zeus, keys = SlipCounter(chance), [f"K-{number}" for number in range(APPLICATIONS)]
    with processes(tmp_path / "processes") as starter:
        async with zeus.listening() as zeus_port:
            network = CuttingNetwork(zeus_port, chance)
            async with network.listening() as port:
                settings = service_settings(server.url) | _SETTINGS
                settings["APPLICATION_URL"] = f"http://127.0.0.1:{port}/cgi-bin/cvs.cgi"
                receiver = starter.start("receive", **settings, SPOOL_DIR=str(tmp_path / "spool"))
                host, public = await receiver.ready("receiver")
                zeus.call_url = f"http://{host}:{public}/zeus/notify"
                starter.start("work", **settings, SPOOL_DIR=str(tmp_path / "spool"))
                operators = Operators(starter, settings)
                await asyncio.gather(operators.ready(0), operators.ready(1))
                shop = Shop(operators, chance)
                async with _broken_at_random(operators, server, network, chance):
                    await _apply_all(shop, keys)
                    while operators.kills < SECONDS / 10:  # a quick machine applies for more
                        more = [f"K-{len(keys) + number}" for number in range(APPLICATIONS // 4)]
                        await _apply_all(shop, more)
                        keys += more
        # Every slip was called by now.
        await until(lambda: _all_judged(server.url), 90)
        rows = {row["key"]: row for row in await fetch(server.url, _STATES)}
    assert operators.kills >= SECONDS / 10
    assert network.cuts > APPLICATIONS / 50
    _check(zeus, shop, rows, keys)


async def _apply_all(shop: Shop, keys: list[str]) -> None:
    slots = asyncio.Semaphore(AT_ONCE)
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    timeout = aiohttp.ClientTimeout(total=10)
    async with (
        aiohttp.ClientSession(headers=headers, timeout=timeout) as client,
        asyncio.timeout(PATIENCE_SECONDS),
        asyncio.TaskGroup() as tasks,
    ):

        async def apply(key: str) -> None:
            async with slots:
                await shop.apply(client, key)

        for key in keys:
            tasks.create_task(apply(key))


async def _all_judged(url: str) -> bool:
    """Return True if nothing is unjudged and no sender is waited for."""
    with suppress(OSError):
        [left] = await fetch(
            url,
            "SELECT (SELECT count(*) FROM notices WHERE verdict IS NULL) + "
            "(SELECT count(*) FROM applications WHERE state = 'sending') AS count",
        )
        return bool(left["count"] == 0)
    return False


def _check(zeus: SlipCounter, shop: Shop, rows: dict[str, Any], keys: list[str]) -> None:
    assert [] == [sendid for sendid, slips in zeus.slips.items() if slips > 1]
    assert set(keys) == set(rows)
    states = {key: row["state"] for key, row in rows.items()}
    order_of = {sendid: order_no for order_no, sendid in zeus.order_nos.items()}
    for key, row in rows.items():
        if key in order_of:  # a slip was made: its call resolves whatever the answer was
            assert ("accepted", order_of[key]) == (row["state"], row["order_no"]), key
        else:
            assert row["state"] in ("failed", "unknown", "not_sent"), (key, row["state"])
        assert shop.told[key]["id"] == str(row["id"])
    for key, told in shop.told.items():
        if told["state"] not in ("unknown", "sending"):
            assert (told["state"], told["order_no"]) == (states[key], rows[key]["order_no"]), key
    resolved = [row["resolved_by"] for row in rows.values() if row["resolved_by"]]
    assert resolved.count("call") > APPLICATIONS / 100
