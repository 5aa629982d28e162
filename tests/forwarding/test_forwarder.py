"""Delivery from end to end: a real database, real forwarders, and subscribers on real sockets."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from time import monotonic

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.fernet import Fernet
from standardwebhooks import Webhook

from app.crypto.vault import Vault
from app.db.connections import connect
from app.db.engine import make_engine, make_sessions
from app.db.notify import OUTBOUND, NotifyListener
from app.forwarding.destinations.http.sender import TimeLimits
from app.forwarding.forwarder import Forwarder
from app.metrics import results_fenced_out
from tests.fair_clock import fair_seconds
from tests.forwarding import hostile_server as hostile
from tests.forwarding.delivery_setup import OPTIONS, DeliverySetup, until

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Shop:
    """A well-behaved subscriber that keeps what it gets."""

    def __init__(self, answer: Handler | None = None) -> None:
        self.arrived: list[tuple[bytes, dict[str, str]]] = []
        self._answer = answer
        self.url = ""

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Keep a webhook and say OK."""
        self.arrived.append((await request.read(), dict(request.headers)))
        return web.Response(text="OK") if self._answer is None else await self._answer(request)

    @property
    def ids(self) -> list[str]:
        """The webhook-id of everything that came, in order."""
        return [headers["webhook-id"] for _, headers in self.arrived]


@asynccontextmanager
async def open_shop(answer: Handler | None = None) -> AsyncIterator[Shop]:
    shop = Shop(answer)
    application = web.Application()
    application.router.add_post("/hooks", shop.take)
    async with TestServer(application) as server:
        shop.url = str(server.make_url("/hooks"))
        yield shop


def answering(*statuses: int, **headers: str) -> Handler:
    """Answer with each of `statuses` in turn, and with the last one for ever."""
    left = list(statuses)

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=left.pop(0) if len(left) > 1 else left[0], headers=headers)

    return answer


async def settled(world: DeliverySetup, *states: str) -> None:
    """Wait until the outbound webhooks have these states, in any order."""

    async def are() -> bool:
        return sorted(await world.states()) == sorted(states)

    await until(are)


async def leases(world: DeliverySetup) -> int:
    return len(await world.rows("SELECT 1 FROM outbound_webhooks WHERE lease_token IS NOT NULL"))


async def test_an_event_arrives_signed_and_is_recorded(world: DeliverySetup) -> None:
    async with open_shop() as shop:
        _, secret = await world.subscriber(shop.url)
        event = await world.event("1234-56789-01234")
        async with world.forwarder():
            await settled(world, "delivered")
    [(body, headers)] = shop.arrived
    verified = Webhook(secret).verify(body, headers)
    assert verified["data"]["order_no"] == "1234-56789-01234"
    assert "customer" not in verified["data"]
    assert headers["webhook-id"] == str(event)
    [attempt] = await world.rows("SELECT * FROM attempts")
    assert (attempt.number, attempt.outcome, attempt.http_status, attempt.excerpt) == (
        1,
        "delivered",
        200,
        "OK",
    )


async def test_personal_data_goes_to_whoever_asked(world: DeliverySetup) -> None:
    async with open_shop() as shop:
        _, secret = await world.subscriber(shop.url, customer=True)
        await world.event()
        async with world.forwarder():
            await settled(world, "delivered")
    assert Webhook(secret).verify(*shop.arrived[0])["data"]["customer"] == {
        "name": "コンビニ　タロウ"
    }


async def test_a_failure_is_tried_again_with_the_same_id_until_it_succeeds(
    world: DeliverySetup,
) -> None:
    async with open_shop(answering(500, 404, 200)) as shop:
        await world.subscriber(shop.url)
        event = await world.event()
        async with world.forwarder():
            await settled(world, "delivered")
    assert shop.ids == [str(event)] * 3
    assert await world.outcomes() == ["http_5xx", "http_4xx", "delivered"]


async def test_after_the_last_try_it_is_dead_and_kept(world: DeliverySetup) -> None:
    async with open_shop(answering(500)) as shop:
        await world.subscriber(shop.url)
        await world.event()
        async with world.forwarder():
            await settled(world, "dead")
            await asyncio.sleep(0.2)
    assert len(shop.arrived) == len(OPTIONS.schedule)
    [row] = await world.rows("SELECT * FROM outbound_webhooks")
    assert (row.attempts, row.last_outcome, row.lease_token) == (3, "http_5xx", None)
    assert [row.number for row in await world.rows("SELECT number FROM attempts ORDER BY id")] == [
        1,
        2,
        3,
    ]


async def test_short_waits_are_not_rounded_up_to_the_poll(world: DeliverySetup) -> None:
    async with open_shop(answering(500)) as shop:
        await world.subscriber(shop.url)
        await world.event()
        started = monotonic()
        async with world.forwarder(schedule=(timedelta(0), *[timedelta(milliseconds=20)] * 7)):
            await settled(world, "dead")
    assert len(shop.arrived) == 8
    assert monotonic() - started < 5  # by polls alone it would be seven seconds


async def test_retry_after_is_honoured(world: DeliverySetup) -> None:
    async with open_shop(answering(503, 200, **{"Retry-After": "1"})) as shop:
        await world.subscriber(shop.url)
        await world.event()
        started = monotonic()
        async with world.forwarder():
            await settled(world, "delivered")
    assert monotonic() - started >= 1
    assert len(shop.arrived) == 2


async def test_too_many_requests_give_a_minute_of_rest(world: DeliverySetup) -> None:
    async with open_shop(answering(429)) as shop:
        await world.subscriber(shop.url)
        await world.event()
        async with world.forwarder():
            await until(lambda: _has_attempts(world, 1))
    [row] = await world.rows(
        "SELECT due_at - now() > interval '50 s' AS later FROM outbound_webhooks"
    )
    assert row.later


async def _has_attempts(world: DeliverySetup, count: int) -> bool:
    return len(await world.outcomes()) >= count


async def test_gone_pauses_the_subscriber_and_holds_the_rest(world: DeliverySetup) -> None:
    async with open_shop(answering(410)) as shop:
        await world.subscriber(shop.url, max_in_flight=1)
        for _ in range(3):
            await world.event()
        async with world.forwarder():
            await settled(world, "dead", "pending", "pending")
            await asyncio.sleep(0.2)
        assert len(shop.arrived) == 1
        assert [
            tuple(row) for row in await world.rows("SELECT state, pause_reason FROM subscribers")
        ] == [("paused", "gone")]
        assert await leases(world) == 0


async def test_a_subscriber_that_was_gone_and_is_resumed_gets_what_was_held(
    world: DeliverySetup,
) -> None:
    async with open_shop(answering(410, 410, 410, 200)) as shop:
        await world.subscriber(shop.url, max_in_flight=3)
        for _ in range(6):
            await world.event()
        async with world.forwarder():
            await settled(world, "dead", "dead", "dead", "pending", "pending", "pending")
            await world.run("UPDATE subscribers SET state = 'active', pause_reason = NULL")
            await settled(world, "dead", "dead", "dead", "delivered", "delivered", "delivered")


async def test_a_wake_up_brings_it_out_at_once(world: DeliverySetup) -> None:
    async with open_shop() as shop:
        await world.subscriber(shop.url)
        listener = NotifyListener(world.url, (OUTBOUND,))
        forwarder = Forwarder(world.sessions, world.vault, listener, OPTIONS)
        connection = await connect(world.url)
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(listener.run())
            group.create_task(forwarder.run())
            await asyncio.sleep(0.3)
            delays = []
            for _ in range(5):
                await world.event()
                started = monotonic()
                await connection.execute(f"NOTIFY {OUTBOUND}")
                before = len(shop.arrived)
                await until(lambda count=before: _arrived(shop, count + 1))
                delays.append(monotonic() - started)
            forwarder.stop()
            listening.cancel()
        await connection.close()
    assert min(delays) < 0.3  # and not the second of the poll


async def _arrived(shop: Shop, count: int) -> bool:
    return len(shop.arrived) >= count


async def test_without_a_wake_up_the_poll_finds_it(world: DeliverySetup) -> None:
    async with open_shop() as shop:
        await world.subscriber(shop.url)
        async with world.forwarder():
            await asyncio.sleep(0.3)
            await world.event()
            await settled(world, "delivered")


async def test_the_events_of_an_order_arrive_in_sequence_while_others_pass(
    world: DeliverySetup,
) -> None:
    failures = Counter({"A": 2})
    seen: list[tuple[str, int]] = []

    async def answer(request: web.Request) -> web.Response:
        data = (await request.json())["data"]
        if failures[data["order_no"]] > 0:
            failures[data["order_no"]] -= 1
            return web.Response(status=500)
        seen.append((data["order_no"], data["sequence"]))
        return web.Response()

    async with open_shop(answer) as shop:
        await world.subscriber(shop.url)
        for sequence in (1, 2, 3):
            for order in ("A", "B", "C"):
                await world.event(order, sequence)
        async with world.forwarder(
            schedule=(timedelta(0), timedelta(seconds=0.4), timedelta(seconds=0.4))
        ):
            await settled(world, *["delivered"] * 9)
    for order in ("A", "B", "C"):
        assert [sequence for seen_order, sequence in seen if seen_order == order] == [1, 2, 3]
    assert [order for order, _ in seen[-3:]] == ["A", "A", "A"]  # the others did not wait for it


async def test_a_hanging_subscriber_delays_nobody(world: DeliverySetup) -> None:
    async with open_shop() as shop, hostile.serving(hostile.hang) as port:
        await world.subscriber(f"http://127.0.0.1:{port}/hooks")
        await world.subscriber(shop.url)
        for _ in range(60):
            await world.event()
        async with world.forwarder(concurrency=24, limits=TimeLimits(5, 5)):
            started = fair_seconds()
            await until(lambda: _arrived(shop, 60))
            assert (
                fair_seconds() - started < 5
            )  # sooner than the first of the hanging ones times out


async def test_two_forwarders_share_the_work_and_nothing_is_sent_twice(
    world: DeliverySetup,
) -> None:
    async with open_shop() as shop:
        await world.subscriber(shop.url, max_in_flight=8)
        events = {str(await world.event(f"order {n % 40}", n)) for n in range(120)}
        async with world.forwarder(), world.forwarder():
            await settled(world, *["delivered"] * 120)
    assert Counter(shop.ids) == Counter(events)
    assert await world.outcomes() == ["delivered"] * 120


async def test_what_a_lost_worker_held_is_sent_by_another_and_the_late_result_changes_nothing(
    world: DeliverySetup,
) -> None:
    release = asyncio.Event()

    async def slow_then_quick(_request: web.Request) -> web.Response:
        if len(shop.arrived) == 1:
            await release.wait()
            return web.Response(status=410)
        return web.Response()

    async with open_shop(slow_then_quick) as shop:
        await world.subscriber(shop.url)
        await world.event()
        fenced_before = results_fenced_out._value.get()
        async with world.forwarder(limits=TimeLimits(10, 10)):
            await until(lambda: _arrived(shop, 1))
            await world.run(
                "UPDATE outbound_webhooks SET due_at = now() - interval '1 ms'"
            )  # as if its holder had been silent
            async with world.forwarder():
                await settled(world, "delivered")
            release.set()
        assert results_fenced_out._value.get() == fenced_before + 1
    assert await world.states() == ["delivered"]
    assert await world.outcomes() == ["delivered"]
    assert [row.state for row in await world.rows("SELECT state FROM subscribers")] == ["active"]


async def test_a_send_that_takes_longer_than_the_lease_keeps_it(world: DeliverySetup) -> None:
    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(1.5)
        return web.Response()

    async with open_shop(slow) as shop:
        await world.subscriber(shop.url)
        await world.event()
        options = {"lease": timedelta(seconds=0.6), "limits": TimeLimits(5, 5)}
        async with world.forwarder(**options), world.forwarder(**options):
            await settled(world, "delivered")
    assert len(shop.arrived) == 1


async def test_a_stop_lets_sends_end_records_them_and_leaves_no_lease(world: DeliverySetup) -> None:
    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.4)
        return web.Response()

    async with open_shop(slow) as shop:
        await world.subscriber(shop.url, max_in_flight=4)
        for _ in range(20):
            await world.event()
        async with world.forwarder(limits=TimeLimits(5, 5)) as forwarder:
            await until(lambda: _arrived(shop, 4))
            forwarder.stop()
    assert Counter(await world.states()) == {"delivered": 4, "pending": 16}
    assert len(shop.arrived) == 4
    assert await leases(world) == 0


async def test_a_stop_waits_for_hanging_sends_only_so_long_and_gives_them_back(
    world: DeliverySetup,
) -> None:
    async with hostile.serving(hostile.hang) as port:
        await world.subscriber(f"http://127.0.0.1:{port}/hooks")
        for _ in range(3):
            await world.event()
        started = monotonic()
        async with world.forwarder(limits=TimeLimits(30, 30), stop_s=0.3):
            await until(lambda: _leased(world, 3))
        assert monotonic() - started < 5
    assert await world.states() == ["pending"] * 3
    assert await leases(world) == 0
    assert await world.outcomes() == []
    [row] = await world.rows(
        "SELECT count(*) AS due FROM outbound_webhooks WHERE due_at <= now() AND attempts = 0"
    )
    assert row.due == 3


async def _leased(world: DeliverySetup, count: int) -> bool:
    return await leases(world) == count


async def test_a_stop_before_the_start_is_a_stop(world: DeliverySetup) -> None:
    async with world.forwarder() as forwarder:
        forwarder.stop()


async def test_lost_connections_to_the_database_are_survived(world: DeliverySetup) -> None:
    engine = make_engine(world.url, application="the test")
    owner = DeliverySetup(make_sessions(engine), world.url, world.vault)
    async with open_shop() as shop:
        await owner.subscriber(shop.url)
        async with world.forwarder():
            for _ in range(5):
                await owner.event()
                await owner.run(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND application_name = 'zeus-relay'"
                )
            await settled(owner, *["delivered"] * 5)
    assert set(shop.ids) == {
        str(row.event_id) for row in await owner.rows("SELECT event_id FROM outbound_webhooks")
    }
    await engine.dispose()


async def test_a_fault_of_the_program_ends_the_run(world: DeliverySetup) -> None:
    listener = NotifyListener(world.url, (OUTBOUND,))
    forwarder = Forwarder(world.sessions, world.vault, listener, OPTIONS)
    await world.run("ALTER TABLE outbound_webhooks RENAME COLUMN due_at TO due_moment")
    async with asyncio.timeout(5):
        with pytest.raises(ExceptionGroup) as caught:
            await forwarder.run()
    [error] = caught.value.exceptions
    assert "due_at does not exist" in repr(error)


async def test_a_secret_that_cannot_be_opened_is_our_fault_and_not_charged(
    world: DeliverySetup,
) -> None:
    async with open_shop() as shop:
        await world.subscriber(shop.url)
        await world.event()
        stranger = DeliverySetup(world.sessions, world.url, Vault([Fernet.generate_key().decode()]))
        async with stranger.forwarder():
            await until(lambda: _has_attempts(world, 1))
    [row] = await world.rows("SELECT * FROM outbound_webhooks")
    assert (row.state, row.attempts, row.excused, row.last_outcome) == ("pending", 0, 1, "own_side")
    assert shop.arrived == []


async def test_a_subscriber_without_a_secret_gets_nothing_unsigned(world: DeliverySetup) -> None:
    async with open_shop() as shop:
        await world.subscriber(shop.url)
        await world.run("DELETE FROM subscriber_secrets")
        await world.event()
        async with world.forwarder():
            await until(lambda: _has_attempts(world, 1))
    assert await world.outcomes() == ["own_side"]
    assert shop.arrived == []


async def test_what_cannot_be_sent_at_all_does_not_end_the_delivery_of_the_rest(
    world: DeliverySetup,
) -> None:
    async with open_shop() as shop:
        await world.subscriber(shop.url)
        spoilt, _ = await world.subscriber(shop.url)
        sealed = world.vault.seal("whsec_")  # opens, and is no key
        await world.run(
            "UPDATE subscriber_secrets SET sealed = :sealed WHERE subscriber_id = :id",
            sealed=sealed,
            id=spoilt,
        )
        await world.event()
        async with world.forwarder():
            await until(lambda: _has_attempts(world, 2))
    assert sorted(await world.outcomes()) == ["delivered", "own_side"]


@pytest.mark.parametrize(
    ("kind", "behaviour"),
    [("reset", hostile.reset_at_connect), ("redirect", hostile.answering(b"302 Found"))],
)
async def test_a_misbehaving_subscriber_is_retried_until_dead(
    world: DeliverySetup, kind: str, behaviour: hostile.Behaviour
) -> None:
    async with hostile.serving(behaviour) as port:
        await world.subscriber(f"http://127.0.0.1:{port}/hooks")
        await world.event()
        async with world.forwarder():
            await settled(world, "dead")
    assert await world.outcomes() == [kind] * 3


async def test_a_destination_that_became_forbidden_is_refused_and_retried(
    world: DeliverySetup,
) -> None:
    async with open_shop() as shop:
        await world.subscriber(shop.url)
        await world.event()
        async with world.forwarder(networks=()):
            await settled(world, "dead")
        assert await world.outcomes() == ["destination_refused"] * 3
        assert shop.arrived == []


async def test_a_subscribers_own_time_limit_counts(world: DeliverySetup) -> None:
    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.8)
        return web.Response()

    async with open_shop(slow) as shop:
        await world.subscriber(shop.url, timeout_ms=3_000)
        await world.event()
        async with world.forwarder():
            await settled(world, "delivered")


async def test_many_subscribers_get_everything(world: DeliverySetup) -> None:
    async with AsyncExitStack() as stack:
        shops = [await stack.enter_async_context(open_shop()) for _ in range(5)]
        for shop in shops:
            await world.subscriber(shop.url)
        events = {str(await world.event()) for _ in range(30)}
        async with world.forwarder(limits=TimeLimits(5, 5)):
            await settled(world, *["delivered"] * 150)
    for shop in shops:
        assert Counter(shop.ids) == Counter(events)
