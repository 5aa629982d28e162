"""Timers, relatives and decisions while workers die: no event twice, none missing."""

import asyncio
import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import aiohttp
import pytest

from app.db.connections import connect
from app.db.lanes import lane_of
from tests.journeys.conftest import Site
from tests.journeys.crew import Crew, fetch, settled, until
from tests.processes import ADMIN_TOKEN, Process, Starter

SECONDS = float(os.environ.get("CRASH_SECONDS", "10"))
SILENT, LATE, PAIRS = round(15 * SECONDS), round(6 * SECONDS), round(2.5 * SECONDS)
AWAY = 250
PASSED = "20260105"
_TIMERS = {"EXPIRY_GRACE": "0s", "CONFIRMATION_DUE": "1s", "WORKER_LEASE": "2s"}
_DUE = """
SELECT count(*) AS count FROM orders
WHERE (state = 'awaiting_payment' AND pay_limit = '20260105')
  OR (state = 'paid' AND overdue_cycle IS DISTINCT FROM cycle)
"""

pytestmark = pytest.mark.timeout(SECONDS + 290)


class Calls:
    """Calls to a receiver, which must answer each with 200."""

    def __init__(self, client: aiohttp.ClientSession, url: str) -> None:
        self._client = client
        self._url = url

    async def send(self, order_no: str, status: str, **values: str) -> None:
        """Send one call."""
        query = {"order_no": order_no, "status": status, "money": "5400", **values}
        async with self._client.get(self._url, params=query) as answer:
            assert 200 == answer.status

    async def pay_late(self, order_no: str, chance: random.Random) -> None:
        """Pay an order whose deadline is over at a random moment about its presumed expiry."""
        await asyncio.sleep(chance.uniform(0, SECONDS))
        await self.send(order_no, "01", pay_limit=PASSED)
        await asyncio.sleep(chance.uniform(0, 2))
        await self.send(order_no, "04")
        await asyncio.sleep(chance.uniform(0, 2))
        await self.send(order_no, "05")

    async def be_silent(self, order_no: str, chance: random.Random) -> None:
        """Accept an order whose deadline is over, and say nothing more."""
        await asyncio.sleep(chance.uniform(0, SECONDS))
        await self.send(order_no, "01", pay_limit=PASSED)

    async def pay_both(self, pair: Sequence[str], chance: random.Random) -> None:
        """Pay two orders of one purchase in the same moment."""
        await asyncio.sleep(chance.uniform(0, SECONDS))
        values = {"clientip": "2012000001", "sendid": f"purchase-of-{pair[0]}"}
        for order_no in pair:
            await self.send(order_no, "01", **values)
        await asyncio.sleep(chance.uniform(0, 2))
        await asyncio.gather(*(self.send(order_no, "04", **values) for order_no in pair))


@asynccontextmanager
async def calling(receiver: Process) -> AsyncIterator[Calls]:
    """Yield what calls this receiver."""
    host, port = await receiver.ready("receiver")
    async with aiohttp.ClientSession() as client:
        yield Calls(client, f"http://{host}:{port}/zeus/notify")


def _pairs() -> list[tuple[str, str]]:
    """Return pairs of orders that two workers can judge at once: their lanes differ."""
    names = [(f"first-{number}", f"second-{number}") for number in range(10 * PAIRS)]
    return [pair for pair in names if lane_of(pair[0]) != lane_of(pair[1])][:PAIRS]


async def _kill_some(crew: Crew, chance: random.Random) -> None:
    """Kill each worker in turn soon after it began to work: one that is starting does nothing."""
    for number in count():
        await crew.workers[number % 2].logged("working")
        await asyncio.sleep(chance.uniform(0, 1))
        crew.kill_one(number % 2)


@asynccontextmanager
async def killing(crew: Crew, chance: random.Random) -> AsyncIterator[None]:
    """Kill workers at random during this block."""
    task = asyncio.create_task(_kill_some(crew, chance))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _quiet(url: str) -> bool:
    """Return True if nothing is due, unjudged or undelivered."""
    [due] = await fetch(url, _DUE)
    return due["count"] == 0 and await settled(url)


@pytest.mark.parametrize("release_on", ["confirmed", "received"])
async def test_timers_and_relatives_survive_killed_workers(
    site: Site, starter: Starter, release_on: str
) -> None:
    chance = random.Random(14)
    settings = {**site.settings, **_TIMERS, "RELEASE_ON": release_on}
    receiver = starter.start("receive", **settings)
    operators = [starter.start("operate", **settings) for _ in range(2)]
    pairs, late = _pairs(), [f"late-{number}" for number in range(LATE)]
    crew = Crew(starter, settings, chance)
    await asyncio.gather(*(worker.logged("working") for worker in crew.workers))
    async with calling(receiver) as calls:
        async with killing(crew, chance):
            await asyncio.gather(
                *(calls.be_silent(f"silent-{number}", chance) for number in range(SILENT)),
                *(calls.pay_late(order_no, chance) for order_no in late),
                *(calls.pay_both(pair, chance) for pair in pairs),
            )
        await until(lambda: _quiet(site.database_url), 60)
        assert crew.kills >= SECONDS / 5
        await _check_consistency(site)
        events = await _types(site.database_url)
        _check_silence(events)
        _check_late(events, late, release_on)
        first = await _check_pairs(site.database_url, events, pairs, release_on)
        await _decide_beside_judging(calls, operators, site, crew, pairs)
    await _check_consistency(site)
    events = await _types(site.database_url)
    assert {1} == {events[order_no]["order.released"] for pair in pairs for order_no in pair}
    assert len(first) == PAIRS


def _check_silence(events: dict[str, Counter[str]]) -> None:
    expected = Counter({"order.accepted": 1, "order.expiry_presumed": 1})
    assert [expected] * SILENT == [events[f"silent-{number}"] for number in range(SILENT)]


def _check_late(events: dict[str, Counter[str]], late: list[str], release_on: str) -> None:
    """Each may be presumed expired once and overdue once; the rest is sure."""
    told = ("order.accepted", "payment.received", "payment.confirmed", "order.released")
    for order_no in late:
        sure = dict(events[order_no])
        assert sure.pop("order.expiry_presumed", 0) <= 1
        assert sure.pop("review.required", 0) == sure.pop("review.settled", 0)
        assert dict.fromkeys(told, 1) == sure, (order_no, release_on)


async def _check_pairs(
    url: str, events: dict[str, Counter[str]], pairs: list[tuple[str, str]], release_on: str
) -> set[str]:
    """Assert one review of each pair; return the orders that were paid second."""
    rows = await fetch(
        url, "SELECT order_no, related_order_no FROM reviews WHERE reason = 'paid_twice'"
    )
    assert sorted(map(sorted, pairs)) == sorted(sorted(row) for row in rows)
    second = {row["order_no"] for row in rows}
    for order_no in (order_no for pair in pairs for order_no in pair):
        expected = Counter({"order.accepted": 1, "payment.received": 1, "review.required": 1})
        expected += Counter({"review.required": order_no in second})
        expected += Counter({"order.released": release_on == "received" and order_no not in second})
        assert +expected == events[order_no], order_no
    return second


async def _decide_beside_judging(
    calls: Calls,
    operators: Sequence[Process],
    site: Site,
    crew: Crew,
    pairs: Sequence[tuple[str, str]],
) -> None:
    """Release every pair at two operators at once, while it is confirmed and workers die."""
    urls = ["http://{}:{}/v1".format(*await one.ready("operator")) for one in operators]
    open_pairs = await fetch(site.database_url, "SELECT id FROM reviews WHERE reason='paid_twice'")
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        killing(crew, random.Random(15)),
    ):
        answers, *_ = await asyncio.gather(
            asyncio.gather(*(_settle_twice(client, urls, str(row["id"])) for row in open_pairs)),
            *(calls.send(order_no, "05") for pair in pairs for order_no in pair),
        )
        assert [[200, 409]] * len(pairs) == answers
    await until(lambda: _quiet(site.database_url), 60)


async def _settle_twice(client: aiohttp.ClientSession, urls: list[str], review: str) -> list[int]:
    async def settle(url: str) -> int:
        body = {"settlement": "release", "note": "both were wanted"}
        while True:
            async with client.post(f"{url}/reviews/{review}/settle", json=body) as answer:
                if answer.status != 503:  # nothing was done: all connections wait for judging
                    return answer.status
                await asyncio.sleep(float(answer.headers["Retry-After"]))

    return sorted(await asyncio.gather(*map(settle, urls)))


async def _types(url: str) -> dict[str, Counter[str]]:
    events: dict[str, Counter[str]] = defaultdict(Counter)
    for row in await fetch(url, "SELECT order_no, type FROM events"):
        events[row["order_no"]][row["type"]] += 1
    return events


async def _check_consistency(site: Site) -> None:
    """Assert sequences without gaps, nothing twice, and that everything told was kept and sent."""
    events = await fetch(site.database_url, "SELECT * FROM events ORDER BY order_no, sequence")
    sequences: dict[str, list[int]] = defaultdict(list)
    for event in events:
        sequences[event["order_no"]].append(event["sequence"])
    for order in await fetch(site.database_url, "SELECT order_no, sequence FROM orders"):
        assert [*range(1, order["sequence"] + 1)] == sequences[order["order_no"]]
    told = Counter(_told(event) for event in events)
    assert [] == [one for one, times in told.items() if times > 1]
    reviews = await fetch(site.database_url, "SELECT * FROM reviews")
    assert len(reviews) == sum(event["type"] == "review.required" for event in events)
    assert sum(review["settled_at"] is not None for review in reviews) == sum(
        event["type"] == "review.settled" for event in events
    )
    assert {str(event["id"]) for event in events} == {one for one, _ in site.merchant.received}


def _told(event: Any) -> tuple[object, ...]:
    """Return what an event tells, of which there may be only one."""
    review = json.loads(event["data"]).get("review", {})
    about = (event["occurrence"], event["cycle"], review.get("id"))
    return (event["order_no"], event["type"], event["status"], *about)


async def test_a_week_without_workers_makes_each_due_event_once(
    site: Site, starter: Starter
) -> None:
    forever = {"EXPIRY_GRACE": "3650d", "CONFIRMATION_DUE": "3650d"}
    receiver = starter.start("receive", **site.settings)
    before = starter.start("work", **site.settings, **forever)
    async with calling(receiver) as calls:
        for number in range(AWAY):
            await calls.send(f"silent-{number}", "01", pay_limit=PASSED)
            await calls.send(f"paid-{number}", "04")
    await until(lambda: settled(site.database_url), 60)
    before.terminate()
    assert 0 == await before.ended()
    connection = await connect(site.database_url)
    await connection.execute("UPDATE orders SET paid_at = paid_at - interval '17 days'")
    await connection.close()

    workers = [starter.start("work", **site.settings) for _ in range(2)]
    await asyncio.gather(*(worker.logged("working") for worker in workers))
    await until(lambda: _quiet(site.database_url), 60)
    await asyncio.sleep(1.5)  # what should not come had time to come
    await _check_consistency(site)
    events = await _types(site.database_url)
    silent = Counter({"order.accepted": 1, "order.expiry_presumed": 1})
    paid = Counter({"payment.received": 1, "review.required": 1})
    assert [silent] * AWAY == [events[f"silent-{number}"] for number in range(AWAY)]
    assert [paid] * AWAY == [events[f"paid-{number}"] for number in range(AWAY)]
