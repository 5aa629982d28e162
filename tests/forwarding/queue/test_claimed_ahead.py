"""Webhooks claimed ahead: sent soon or released, also behind hanging sends and failed releases."""

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
async def shop_that_hangs(setup: DeliverySetup) -> AsyncIterator[tuple[Shop, asyncio.Event]]:
    """Run a subscriber with a backlog.

    It answers quickly at first, and then not until the event is set.
    """
    goes_on = asyncio.Event()

    async def answer(_request: web.Request) -> web.Response:
        if len(shop.arrived) > QUICK:
            await goes_on.wait()
        return web.Response()

    async with open_shop(answer) as shop:
        await setup.subscriber(shop.url, max_in_flight=IN_FLIGHT)
        for _ in range(2 * QUICK):
            await setup.event()
        yield shop, goes_on
        goes_on.set()


async def leases(setup: DeliverySetup) -> int:
    return len(await setup.rows("SELECT 1 FROM outbound_webhooks WHERE lease_token IS NOT NULL"))


async def hangs(setup: DeliverySetup) -> None:
    """Wait until all quick sends are recorded and more is claimed than sent."""

    async def does() -> bool:
        states = Counter(await setup.states())
        return states["delivered"] == QUICK and await leases(setup) > IN_FLIGHT

    await until(does)


async def only_what_is_sent_is_held(setup: DeliverySetup) -> bool:
    return await leases(setup) == IN_FLIGHT


async def test_webhooks_behind_hanging_sends_are_released_and_sent_later(
    setup: DeliverySetup,
) -> None:
    async with (
        shop_that_hangs(setup) as (shop, goes_on),
        setup.forwarder(limits=TimeLimits(15, 15)),
    ):
        await hangs(setup)
        await until(lambda: only_what_is_sent_is_held(setup), 5)
        assert len(shop.arrived) == QUICK + IN_FLIGHT
        goes_on.set()
        await until(lambda: all_delivered(setup))
        assert max(Counter(shop.ids).values()) == 1


async def all_delivered(setup: DeliverySetup) -> bool:
    return set(await setup.states()) == {"delivered"}


async def test_a_failed_release_is_repeated_later(
    setup: DeliverySetup,
) -> None:
    async with shop_that_hangs(setup), setup.forwarder(limits=TimeLimits(15, 15), stop_s=0.3):
        await hangs(setup)
        async with setup.sessions() as locker:
            await locker.execute(
                text("SELECT 1 FROM outbound_webhooks WHERE lease_token IS NOT NULL FOR UPDATE")
            )
            await until(lambda: ended_a_release(setup))
        await until(lambda: only_what_is_sent_is_held(setup), 5)


async def ended_a_release(setup: DeliverySetup) -> bool:
    waiting = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return bool(await setup.rows(waiting))


async def test_a_subscriber_of_personal_data_gets_valid_json_after_erasure_and_of_health_events(
    setup: DeliverySetup,
) -> None:
    async with open_shop() as shop:
        _, secret = await setup.subscriber(
            shop.url, customer=True, event_types=["payment.received", "outbound.dead"]
        )
        await setup.subscriber("http://127.0.0.1:1/hooks")
        erased = await setup.event()
        await setup.run("UPDATE events SET customer = NULL WHERE id = :id", id=erased)
        async with setup.forwarder():
            await until(lambda: has_arrived(shop, 2))
    events = [Webhook(secret).verify(*arrived) for arrived in shop.arrived]
    assert [event["type"] for event in events] == ["payment.received", "outbound.dead"]
    assert events[1]["data"]["event"]["id"] == str(erased)
    assert all("customer" not in event["data"] for event in events)


async def has_arrived(shop: Shop, count: int) -> bool:
    return len(shop.arrived) == count
