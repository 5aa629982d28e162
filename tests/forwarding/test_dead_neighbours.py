"""Good subscribers beside many dead ones: real forwarders, database, and sockets that hang."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
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
    """A good subscriber that counts its webhooks, and a hanging one that counts requests."""

    def __init__(self) -> None:
        self.arrived = 0
        self.hanging = 0
        self.most_hanging = 0
        self.hangs = True
        self.url = ""

    async def take(self, _request: web.Request) -> web.Response:
        """Answer 200."""
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


async def capped(setup: DeliverySetup) -> int:
    return len(await setup.rows("SELECT 1 FROM subscribers WHERE capped_at IS NOT NULL"))


async def test_subscribers_that_hang_together_do_not_keep_the_slots(setup: DeliverySetup) -> None:
    """No worker knows yet that they hang, and they are four times as many as the slots."""
    async with open_shop() as shop:
        for _ in range(DEAD):
            await setup.subscriber(shop.url + "dead")
        await setup.subscriber(shop.url + "good")
        await setup.event()
        async with setup.forwarder(concurrency=SLOTS, limits=TimeLimits(25, 25), stop_s=0.1):
            started = fair_seconds()
            await delivered(shop, 1, 24)
            assert fair_seconds() - started < 20  # sooner than the first hanging one times out


async def test_subscribers_that_timed_out_share_a_quarter_of_the_slots_in_every_worker(
    setup: DeliverySetup,
) -> None:
    async with open_shop() as shop:
        for _ in range(DEAD):
            await setup.subscriber(shop.url + "dead")
        for _ in range(3):
            await setup.event()

        async def all_capped() -> bool:
            return await capped(setup) == DEAD

        async with setup.forwarder(
            concurrency=SLOTS, limits=TimeLimits(2, 2), schedule=SCHEDULE, stop_s=0.1
        ):
            await until(all_capped, 40)
        good, _ = await setup.subscriber(shop.url + "good")
        shop.most_hanging = shop.hanging
        options = {
            "concurrency": SLOTS,
            "limits": TimeLimits(2, 2),
            "schedule": SCHEDULE,
            "stop_s": 0.1,
        }
        async with setup.forwarder(**options), setup.forwarder(**options):
            for number in range(20):
                await setup.event()
                await delivered(shop, number + 1, 20)
            await asyncio.sleep(2)
        assert 1 <= shop.most_hanging <= 2 * SLOTS // 4, "two workers, each a quarter of its slots"
        rows = await setup.rows(
            "SELECT attempts, excused FROM outbound_webhooks WHERE subscriber_id = :id", id=good
        )
        assert [(1, 0)] * 20 == [tuple(row) for row in rows]


async def test_a_capped_subscriber_has_one_attempt_in_flight_and_is_free_after_one_success(
    setup: DeliverySetup,
) -> None:
    async with open_shop() as shop:
        await setup.subscriber(shop.url + "dead")
        for _ in range(6):
            await setup.event()
        async with setup.forwarder(
            limits=TimeLimits(1, 1), schedule=(timedelta(0), *[timedelta(0)] * 30)
        ):
            await until(lambda: _has_timed_out(setup, 6), 10)
            assert await _is_capped(setup)
            shop.most_hanging = shop.hanging
            await setup.run(DUE_NOW)
            await until(lambda: _has_timed_out(setup, 8), 20)
            assert 1 == shop.most_hanging
            shop.hangs = False
            await until(lambda: _is_free(setup), 20)
            await setup.run(DUE_NOW)
            await until(lambda: _all_delivered(setup), 20)


async def _has_timed_out(setup: DeliverySetup, times: int) -> bool:
    return ["timeout"] * times == (await setup.outcomes())[:times]


async def _is_capped(setup: DeliverySetup) -> bool:
    return await capped(setup) == 1


async def _is_free(setup: DeliverySetup) -> bool:
    return await capped(setup) == 0


async def _all_delivered(setup: DeliverySetup) -> bool:
    return {"delivered"} == set(await setup.states())


async def test_a_dead_subscriber_with_a_backlog_does_not_fill_the_claims(
    setup: DeliverySetup,
) -> None:
    """Twelve hanging subscribers with large backlogs, and a good one whose webhooks are last."""
    async with hostile.serving(hostile.hang) as port, open_shop() as shop:
        for _ in range(12):
            await setup.subscriber(f"http://127.0.0.1:{port}/hooks", max_in_flight=16)
        for _ in range(40):
            await setup.event()
        good: tuple[UUID, str] = await setup.subscriber(shop.url + "good")
        for _ in range(10):
            await setup.event()
        async with setup.forwarder(concurrency=16, limits=TimeLimits(20, 20), stop_s=0.1):
            started = fair_seconds()
            await delivered(shop, 10, 19)
            assert fair_seconds() - started < 15
        rows = await setup.rows(
            "SELECT attempts, excused FROM outbound_webhooks WHERE subscriber_id = :id", id=good[0]
        )
        assert [(1, 0)] * 10 == [tuple(row) for row in rows]


async def test_dead_ones_that_fail_quickly_are_tried_a_few_at_a_time(setup: DeliverySetup) -> None:
    refusal = b"HTTP/1.1 500 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    async with hostile.serving(hostile.saying(refusal)) as port:
        for _ in range(200):
            await setup.subscriber(
                f"http://127.0.0.1:{port}/", failures=20, capped_at=datetime.now(UTC)
            )
        await setup.event()
        async with setup.forwarder(schedule=SCHEDULE):
            began = fair_seconds()
            await asyncio.sleep(2)
            seconds = fair_seconds() - began
            tried = len(await setup.outcomes())
    assert 16 <= tried <= 16 * (seconds / 0.5 + 2)
