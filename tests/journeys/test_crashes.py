"""Crashes under load: killed workers, a crashing Postgres, and a worker that is stopped.

CRASH_SECONDS sets the duration.
"""

import asyncio
import json
import os
import random
import signal
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from aiohttp import web

from app.db.migrations import migrate
from app.events.signature import new_secret
from app.simulator.player.orders import build_run
from app.simulator.player.play import play_at_rate
from app.simulator.player.report import PlayResult
from app.simulator.player.scenarios import SCENARIOS
from app.simulator.player.target import target_of
from tests.journeys.conftest import Site
from tests.journeys.crew import Crew, fetch, settled, until
from tests.processes import Starter, service_settings
from tests.recording.own_server import OwnServer, own_server
from tests.subscriber import Subscriber, subscriber_of

SECONDS = float(os.environ.get("CRASH_SECONDS", "10"))
CALLS_PER_S = 30.0
LEASE_S = 2.0
FILTERS: dict[str, list[str] | None] = {
    "shop": None,
    "books": ["payment.received", "payment.confirmed"],
}

pytestmark = pytest.mark.timeout(SECONDS + 240)


class Slow(Subscriber):
    """Answers slowly, so that a killed worker always leaves a send in flight."""

    async def handle(self, request: web.Request) -> web.Response:
        answer = await super().handle(request)
        await asyncio.sleep(random.uniform(0, 0.1))
        return answer


class Held(Subscriber):
    """Answers 410 to its first request when `released` is set; holds the second until `go_on`."""

    def __init__(self, secret: str) -> None:
        super().__init__(secret)
        self.released = asyncio.Event()
        self.go_on = asyncio.Event()
        self.requests = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.requests += 1
        if self.requests == 1:
            await self.released.wait()
            return web.Response(status=410)
        await self.go_on.wait()
        return await super().handle(request)


async def _disturb(crew: Crew, server: OwnServer, chance: random.Random) -> None:
    """Kill workers at random moments.

    In every ten seconds one worker is stopped too long, and Postgres crashes once.
    """
    started, rounds = monotonic(), 0
    while monotonic() - started < SECONDS:
        await asyncio.sleep(chance.uniform(0.2, 1.2))
        crew.kill_one()
        if monotonic() - started > 3 + 10 * rounds:
            rounds += 1
            await crew.put_to_sleep(LEASE_S * 1.5)
            await asyncio.to_thread(server.stop, "immediate")
            await asyncio.sleep(0.5)
            await asyncio.to_thread(server.start)


async def test_crashes_lose_nothing_and_keep_the_sequence_of_every_order(
    starter: Starter, tmp_path: Path
) -> None:
    chance = random.Random(11)
    secrets = {name: new_secret() for name in FILTERS}
    with own_server(tmp_path / "postgres") as server:
        await migrate(server.url)
        async with (
            subscriber_of(Slow, secrets["shop"]) as shop,
            subscriber_of(Slow, secrets["books"]) as books,
        ):
            merchants = {"shop": shop, "books": books}
            declared = [
                {"name": name, "url": merchants[name].url, "events": types, "secret": secrets[name]}
                for name, types in FILTERS.items()
            ]
            settings = {
                **service_settings(server.url),
                "SUBSCRIBERS": json.dumps(declared),
                "WORKER_LEASE": f"{LEASE_S}s",
            }
            host, port = await starter.start("receive", **settings).ready("receiver")
            orders = build_run(
                (SCENARIOS["usual"], SCENARIOS["reversal"]),
                max(int(SECONDS * CALLS_PER_S / 6), 2),
                seed=chance.randrange(1_000),
            )
            answered: list[PlayResult] = []
            crew = Crew(starter, settings, chance)
            await asyncio.gather(*(worker.logged("working") for worker in crew.workers))
            load = play_at_rate(
                target_of(f"http://{host}:{port}/zeus/notify", timeout_s=30),
                orders,
                CALLS_PER_S,
                on_result=answered.append,
            )
            await asyncio.gather(load, _disturb(crew, server, chance))
            await until(lambda: _arrived(server.url, answered), 60)
            await until(lambda: settled(server.url), 90)
            assert crew.kills >= SECONDS / 4
            await _check(server.url, merchants)


async def _arrived(url: str, answered: list[PlayResult]) -> bool:
    """Return True when every call answered 200 is in the database; some wait in the spool first."""
    confirmed = {
        (result.order_no, result.status) for result in answered if result.outcome.status == 200
    }
    assert len(confirmed) == len(answered)
    return confirmed <= {
        (row["order_no"], row["status"])
        for row in await fetch(url, "SELECT order_no, status FROM notices")
    }


async def _check(url: str, merchants: Mapping[str, Subscriber]) -> None:
    events = await fetch(url, "SELECT id, type, order_no, sequence FROM events")
    assert events
    for name, merchant in merchants.items():
        wanted = {
            str(event["id"])
            for event in events
            if FILTERS[name] is None or event["type"] in (FILTERS[name] or [])
        }
        assert wanted == {webhook_id for webhook_id, _ in merchant.received}, name
        for order_no, arrived in merchant.events().items():
            sequences = [event["data"]["sequence"] for event in arrived]
            assert sorted(sequences) == sequences, (name, order_no)
    states = await fetch(
        url, "SELECT state, count(*) AS count FROM outbound_webhooks GROUP BY state"
    )
    assert [("delivered", sum(len(merchant_ids(merchant)) for merchant in merchants.values()))] == [
        tuple(row) for row in states
    ]
    wrong = await fetch(
        url,
        "SELECT w.id FROM outbound_webhooks w "
        "LEFT JOIN attempts a ON a.outbound_webhook_id = w.id AND a.outcome = 'delivered' "
        "GROUP BY w.id HAVING count(a.id) <> 1",
    )
    assert [] == wrong


def merchant_ids(merchant: Subscriber) -> set[str]:
    """Return the ids of the webhooks that arrived."""
    return {webhook_id for webhook_id, _ in merchant.received}


async def test_a_worker_stopped_past_its_lease_changes_nothing(
    site: Site, starter: Starter
) -> None:
    secret = new_secret()
    async with subscriber_of(Held, secret) as merchant:
        declared = [{"name": "shop", "url": merchant.url, "secret": secret}]
        settings = {
            **site.settings,
            "SUBSCRIBERS": json.dumps(declared),
            "WORKER_LEASE": f"{LEASE_S}s",
        }
        host, port = await starter.start("receive", **settings).ready("receiver")
        sleeper = starter.start("work", **settings)
        await sleeper.logged("working")
        [order] = build_run((SCENARIOS["usual"],), 1, seed=3)
        load = play_at_rate(
            target_of(f"http://{host}:{port}/zeus/notify", timeout_s=10), [order], 5
        )
        await asyncio.gather(load, until(lambda: _requested(merchant, 1), 30))
        # The sleeper must have no notice in judging, or it would rightly finish it when it wakes.
        await until(lambda: _fanned_out(site.database_url, 4), 30)
        os.kill(sleeper.pid, signal.SIGSTOP)
        starter.start("work", **settings)
        # The other worker now sends the same webhook.
        await until(lambda: _requested(merchant, 2), 60)
        before = await _everything(site.database_url)

        # The sleeper's request gets 410, which would end the webhook and pause the subscriber.
        merchant.released.set()
        os.kill(sleeper.pid, signal.SIGCONT)
        await sleeper.logged("result_fenced_out")
        assert before == await _everything(site.database_url)
        merchant.go_on.set()
        await merchant.wait_for(4, patience=60)
        await until(lambda: settled(site.database_url), 30)
        assert [1, 2, 3, 4] == [event["data"]["sequence"] for _, event in merchant.received]
        assert ["delivered"] * 4 == [
            row["outcome"] for row in await fetch(site.database_url, "SELECT outcome FROM attempts")
        ]


async def _requested(merchant: Held, count: int) -> bool:
    return merchant.requests >= count


async def _fanned_out(url: str, count: int) -> bool:
    return len(await fetch(url, "SELECT FROM outbound_webhooks")) == count


async def _everything(url: str) -> list[Any]:
    # Without due_at, which changes when the holder renews its lease.
    held = "id, state, lease_token, attempts, excused, last_outcome, finished_at"
    tables = (
        f"SELECT {held} FROM outbound_webhooks ORDER BY id",
        "SELECT * FROM attempts",
        "SELECT * FROM subscribers",
    )
    return [await fetch(url, query) for query in tables]
