"""Rates and shares: rate limits, slow release of a backlog, and the share of retries."""

import asyncio
from collections.abc import Sequence
from time import monotonic
from uuid import UUID

from aiohttp import web

from app.forwarding.queue.claims import Busy, claim, unwind
from app.forwarding.webhook import ClaimedWebhook
from tests.forwarding.delivery_setup import DeliverySetup
from tests.forwarding.queue.test_claims import HOLD, LEASE, URL, events
from tests.forwarding.test_forwarder import open_shop, settled


async def take(
    setup: DeliverySetup,
    limit: int = 100,
    retry_limit: int | None = None,
    busy: Sequence[Busy] = (),
) -> list[ClaimedWebhook]:
    async with setup.sessions.begin() as session:
        return await claim(
            session,
            limit=limit,
            retry_limit=retry_limit,
            busy=busy,
            lease=LEASE,
            order_hold=HOLD,
            resume_rate=8,
        )


async def retries_due(setup: DeliverySetup, ids: Sequence[UUID]) -> None:
    """Make these events retries that have been due for longer than all others."""
    await setup.run(
        "UPDATE outbound_webhooks SET attempts = 1, due_at = now() - interval '1 hour' "
        "WHERE event_id = ANY (:ids)",
        ids=list(ids),
    )


async def test_a_flood_of_retries_leaves_a_quarter_to_first_attempts(setup: DeliverySetup) -> None:
    shop, _ = await setup.subscriber(URL, max_in_flight=8)
    old = [await setup.event() for _ in range(20)]
    await retries_due(setup, old)
    new = [await setup.event() for _ in range(5)]
    assert old[:6] + new[:2] == events(await take(setup))
    assert [new[2]] == events(await take(setup, busy=[Busy(shop, 7, 100, 6)]))
    assert [old[6]] == events(await take(setup, busy=[Busy(shop, 7, 100, 5)]))


async def test_a_quarter_of_the_limit_is_left_to_first_attempts(setup: DeliverySetup) -> None:
    for _ in range(2):
        await setup.subscriber(URL, max_in_flight=100)
    old = [await setup.event() for _ in range(10)]
    await retries_due(setup, old)
    await setup.event()
    taken = await take(setup, limit=8, retry_limit=6)
    assert (6, 2) == (
        sum(webhook.is_retry for webhook in taken),
        sum(not webhook.is_retry for webhook in taken),
    )


async def test_without_first_attempts_retries_still_leave_the_share_free(
    setup: DeliverySetup,
) -> None:
    await setup.subscriber(URL, max_in_flight=4)
    await retries_due(setup, [await setup.event() for _ in range(10)])
    assert 3 == len(await take(setup))


async def test_first_attempts_may_use_the_whole_limit(setup: DeliverySetup) -> None:
    await setup.subscriber(URL, max_in_flight=4)
    for _ in range(10):
        await setup.event()
    assert 4 == len(await take(setup, retry_limit=0))


async def test_a_rate_limit_holds_over_claims_and_workers(setup: DeliverySetup) -> None:
    await setup.subscriber(URL, rate_limit=12, max_in_flight=100)
    await setup.subscriber(URL, max_in_flight=100, name="unlimited")
    ids = [await setup.event() for _ in range(60)]
    started, taken = monotonic(), await take(setup, limit=1_000)
    assert 60 == sum(webhook.target.rate is None for webhook in taken)
    limited = [webhook for webhook in taken if webhook.target.rate == 12]
    assert 3 == len(limited)  # a quarter of a second's worth
    while monotonic() - started < 2:
        for both in await asyncio.gather(take(setup), take(setup)):
            limited += both
        await asyncio.sleep(0.05)
    seconds = monotonic() - started
    assert 12 < len(limited) <= 12 * seconds + 3
    assert ids[: len(limited)] == events(sorted(limited, key=lambda webhook: webhook.id))


async def test_a_resumed_subscriber_gets_its_backlog_in_order_and_slowly_and_then_without_limit(
    setup: DeliverySetup,
) -> None:
    await setup.subscriber(URL, max_in_flight=100)
    held = [await setup.event() for _ in range(6)]
    await setup.run("UPDATE subscribers SET resumed_at = now()")
    new = [await setup.event() for _ in range(20)]
    first = await take(setup)
    assert (held[:2], 8) == (events(first), first[0].target.rate)
    async with setup.sessions.begin() as session:
        assert 0 == await unwind(session)
    await setup.run("UPDATE subscribers SET allowance_at = now() - interval '1 s'")
    assert held[2:4] == events(await take(setup))
    await setup.run("UPDATE subscribers SET allowance_at = now() - interval '1 s'")
    assert held[4:] == events(await take(setup))
    async with setup.sessions.begin() as session:
        assert 1 == await unwind(session)
    assert new == events(await take(setup))


async def test_a_forwarder_keeps_the_rate_without_falling_far_behind(
    setup: DeliverySetup,
) -> None:
    arrivals: list[float] = []

    async def answer(_request: web.Request) -> web.Response:
        arrivals.append(monotonic())
        return web.Response()

    async with open_shop(answer) as shop:
        await setup.subscriber(shop.url, rate_limit=20)
        for _ in range(45):
            await setup.event()
        async with setup.forwarder(), setup.forwarder():
            await settled(setup, *["delivered"] * 45)
    took = arrivals[-1] - arrivals[0]
    assert took >= (45 - 5) / 20 - 0.2
    assert took < 12  # without wake-ups of its own, polling alone would send five a second


async def test_the_end_of_a_released_backlog_ends_the_slow_release(setup: DeliverySetup) -> None:
    async with open_shop() as shop:
        await setup.subscriber(shop.url)
        for _ in range(10):
            await setup.event()
        await setup.run("UPDATE subscribers SET resumed_at = now()")
        async with setup.forwarder(resume_rate=50):
            await settled(setup, *["delivered"] * 10)
            async with asyncio.timeout(5):
                while (await setup.rows("SELECT resumed_at FROM subscribers"))[
                    0
                ].resumed_at is not None:
                    await asyncio.sleep(0.05)


async def test_a_claim_does_not_wait_for_a_subscriber_whose_rate_another_worker_holds(
    setup: DeliverySetup,
) -> None:
    await setup.subscriber(URL, rate_limit=1_000)
    for _ in range(4):
        await setup.event()
    async with setup.sessions() as one, setup.sessions() as other:
        first = await claim(one, limit=2, busy=[], lease=LEASE, order_hold=HOLD)
        async with asyncio.timeout(2):
            second = await claim(other, limit=2, busy=[], lease=LEASE, order_hold=HOLD)
    assert (2, 0) == (len(first), len(second))
