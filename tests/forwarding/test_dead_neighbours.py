"""Good subscribers beside many dead ones: real forwarders, a real database, and subscribers that hang on real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from aiohttp import web
from aiohttp.test_utils import TestServer

from app.forwarding.destinations.http.sender import TimeLimits
from tests.fair_clock import fair_seconds
from tests.forwarding import hostile_server as hostile
from tests.forwarding.delivery_setup import DeliverySetup, until

DEAD = 30
SLOTS = 8
DUE_NOW = (
    "UPDATE outbound_webhooks SET due_at = now() WHERE lease_token IS NULL AND state = 'pending'"
)
SCHEDULE = (timedelta(0), *[timedelta(seconds=1)] * 9)


class Shop:
    """A good subscriber that counts its webhooks, and a hook that hangs and counts how many wait there at the same time."""

    def __init__(self) -> None:
        self.arrived = 0
        self.hanging = 0
        self.most_hanging = 0
        self.hangs = True
        self.url = ""

    async def take(self, _request: web.Request) -> web.Response:
        """Say OK."""
        self.arrived += 1
        return web.Response()

    async def hang(self, _request: web.Request) -> web.Response:
        """Answer after the caller has given up."""
        self.hanging += 1
        self.most_hanging = max(self.most_hanging, self.hanging)
        try:
            await asyncio.sleep(30 if self.hangs else 0)
            return web.Response()
        finally:
            self.hanging -= 1


@asynccontextmanager
async def open_shop() -> AsyncIterator[Shop]:
    shop = Shop()
    application = web.Application()
    application.router.add_post("/good", shop.take)
    application.router.add_post("/dead", shop.hang)
    async with TestServer(application, handler_cancellation=True) as server:
        shop.url = str(server.make_url("/"))
        yield shop


async def delivered(shop: Shop, count: int, seconds: float) -> None:
    async def enough() -> bool:
        return shop.arrived >= count

    await until(enough, seconds)


async def capped(world: DeliverySetup) -> int:
    return len(await world.rows("SELECT 1 FROM subscribers WHERE capped_at IS NOT NULL"))


async def test_subscribers_that_hang_together_do_not_keep_the_slots(world: DeliverySetup) -> None:
    """Nobody knows yet that they hang, and they are four times as many as there are slots."""
    async with open_shop() as shop:
        for _ in range(DEAD):
            await world.subscriber(shop.url + "dead")
        await world.subscriber(shop.url + "good")
        await world.event()
        async with world.forwarder(concurrency=SLOTS, limits=TimeLimits(25, 25), stop_s=0.1):
            started = fair_seconds()
            await delivered(shop, 1, 24)
            assert (
                fair_seconds() - started < 20
            )  # sooner than the first of the hanging ones times out


async def test_those_that_timed_out_share_a_quarter_of_the_slots_in_every_worker(
    world: DeliverySetup,
) -> None:
    async with open_shop() as shop:
        for _ in range(DEAD):
            await world.subscriber(shop.url + "dead")
        for _ in range(3):
            await world.event()

        async def all_capped() -> bool:
            return await capped(world) == DEAD

        async with world.forwarder(
            concurrency=SLOTS, limits=TimeLimits(2, 2), schedule=SCHEDULE, stop_s=0.1
        ):
            await until(all_capped, 40)
        good, _ = await world.subscriber(shop.url + "good")
        shop.most_hanging = shop.hanging
        options = {
            "concurrency": SLOTS,
            "limits": TimeLimits(2, 2),
            "schedule": SCHEDULE,
            "stop_s": 0.1,
        }
        async with world.forwarder(**options), world.forwarder(**options):
            for number in range(20):
                await world.event()
                await delivered(shop, number + 1, 20)
            await asyncio.sleep(2)
        assert 1 <= shop.most_hanging <= 2 * SLOTS // 4, "two workers, each a quarter of its slots"
        rows = await world.rows(
            "SELECT attempts, excused FROM outbound_webhooks WHERE subscriber_id = :id", id=good
        )
        assert [(1, 0)] * 20 == [tuple(row) for row in rows]


async def test_a_capped_subscriber_has_one_attempt_in_flight_and_is_free_after_one_success(
    world: DeliverySetup,
) -> None:
    async with open_shop() as shop:
        await world.subscriber(shop.url + "dead")
        for _ in range(6):
            await world.event()
        async with world.forwarder(
            limits=TimeLimits(1, 1), schedule=(timedelta(0), *[timedelta(0)] * 30)
        ):
            await until(lambda: _has_timed_out(world, 6), 10)
            assert await _is_capped(world)
            shop.most_hanging = shop.hanging
            await world.run(DUE_NOW)
            await until(lambda: _has_timed_out(world, 8), 20)
            assert 1 == shop.most_hanging
            shop.hangs = False
            await until(lambda: _is_free(world), 20)
            await world.run(DUE_NOW)
            await until(lambda: _all_delivered(world), 20)


async def _has_timed_out(world: DeliverySetup, times: int) -> bool:
    return ["timeout"] * times == (await world.outcomes())[:times]


async def _is_capped(world: DeliverySetup) -> bool:
    return await capped(world) == 1


async def _is_free(world: DeliverySetup) -> bool:
    return await capped(world) == 0


async def _all_delivered(world: DeliverySetup) -> bool:
    return {"delivered"} == set(await world.states())


async def test_a_dead_subscriber_with_a_backlog_does_not_fill_the_claims(
    world: DeliverySetup,
) -> None:
    """Twelve subscribers that hang, each with a backlog larger than all slots, and a good one whose webhooks come last."""
    async with hostile.serving(hostile.hang) as port, open_shop() as shop:
        for _ in range(12):
            await world.subscriber(f"http://127.0.0.1:{port}/hooks", max_in_flight=16)
        for _ in range(40):
            await world.event()
        good: tuple[UUID, str] = await world.subscriber(shop.url + "good")
        for _ in range(10):
            await world.event()
        async with world.forwarder(concurrency=16, limits=TimeLimits(20, 20), stop_s=0.1):
            started = fair_seconds()
            await delivered(shop, 10, 19)
            assert fair_seconds() - started < 15
        rows = await world.rows(
            "SELECT attempts, excused FROM outbound_webhooks WHERE subscriber_id = :id", id=good[0]
        )
        assert [(1, 0)] * 10 == [tuple(row) for row in rows]
