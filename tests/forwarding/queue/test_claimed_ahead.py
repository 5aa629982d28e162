"""What was claimed ahead is sent soon or given back: not kept behind sends that hang, nor forgotten when giving it back fails."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from sqlalchemy import text
from standardwebhooks import Webhook

from app.forwarding.destinations.http.sender import TimeLimits
from tests.forwarding.delivery_setup import DeliverySetup, until
from tests.forwarding.test_forwarder import Shop, open_shop

QUICK = 150
IN_FLIGHT = 16


@asynccontextmanager
async def shop_that_hangs(world: DeliverySetup) -> AsyncIterator[tuple[Shop, asyncio.Event]]:
    """A subscriber that is owed much, answers quickly for a while, and then not until the event is set."""
    goes_on = asyncio.Event()

    async def answer(_request: web.Request) -> web.Response:
        if len(shop.arrived) > QUICK:
            await goes_on.wait()
        return web.Response()

    async with open_shop(answer) as shop:
        await world.subscriber(shop.url, max_in_flight=IN_FLIGHT)
        for _ in range(2 * QUICK):
            await world.event()
        yield shop, goes_on
        goes_on.set()


async def leases(world: DeliverySetup) -> int:
    return len(await world.rows("SELECT 1 FROM outbound_webhooks WHERE lease_token IS NOT NULL"))


async def hangs(world: DeliverySetup) -> None:
    """Wait until everything quick is recorded and more is claimed than is sent."""

    async def does() -> bool:
        states = Counter(await world.states())
        return states["delivered"] == QUICK and await leases(world) > IN_FLIGHT

    await until(does)


async def only_what_is_sent_is_held(world: DeliverySetup) -> bool:
    return await leases(world) == IN_FLIGHT


async def test_what_waits_behind_sends_that_hang_is_given_back_and_sent_later(
    world: DeliverySetup,
) -> None:
    async with (
        shop_that_hangs(world) as (shop, goes_on),
        world.forwarder(limits=TimeLimits(15, 15)),
    ):
        await hangs(world)
        await until(lambda: only_what_is_sent_is_held(world), 5)
        assert len(shop.arrived) == QUICK + IN_FLIGHT
        goes_on.set()
        await until(lambda: all_delivered(world))
        assert max(Counter(shop.ids).values()) == 1


async def all_delivered(world: DeliverySetup) -> bool:
    return set(await world.states()) == {"delivered"}


async def test_what_could_not_be_given_back_at_once_is_given_back_later(
    world: DeliverySetup,
) -> None:
    async with shop_that_hangs(world), world.forwarder(limits=TimeLimits(15, 15), stop_s=0.3):
        await hangs(world)
        async with world.sessions() as locker:
            await locker.execute(
                text("SELECT 1 FROM outbound_webhooks WHERE lease_token IS NOT NULL FOR UPDATE")
            )
            await until(lambda: ended_a_release(world))
        await until(lambda: only_what_is_sent_is_held(world), 5)


async def ended_a_release(world: DeliverySetup) -> bool:
    waiting = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(await world.rows(waiting))


async def test_a_subscriber_of_personal_data_gets_valid_json_of_what_was_erased_and_of_signals(
    world: DeliverySetup,
) -> None:
    async with open_shop() as shop:
        _, secret = await world.subscriber(
            shop.url, customer=True, event_types=["payment.received", "outbound.dead"]
        )
        await world.subscriber("http://127.0.0.1:1/hooks")
        erased = await world.event()
        await world.run("UPDATE events SET customer = NULL WHERE id = :id", id=erased)
        async with world.forwarder():
            await until(lambda: has_arrived(shop, 2))
    events = [Webhook(secret).verify(*arrived) for arrived in shop.arrived]
    assert [event["type"] for event in events] == ["payment.received", "outbound.dead"]
    assert events[1]["data"]["event"]["id"] == str(erased)
    assert all("customer" not in event["data"] for event in events)


async def has_arrived(shop: Shop, count: int) -> bool:
    return len(shop.arrived) == count
