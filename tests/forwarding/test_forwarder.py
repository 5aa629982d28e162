"""Delivery from end to end: a real database, real forwarders, and subscribers on real sockets."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
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
    """Well-behaved subscriber that keeps its webhooks."""

    def __init__(self, answer: Handler | None = None) -> None:
        self.arrived: list[tuple[bytes, dict[str, str]]] = []
        self._answer = answer
        self.url = ""

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Keep a webhook and answer 200."""
        self.arrived.append((await request.read(), dict(request.headers)))
        return web.Response(text="OK") if self._answer is None else await self._answer(request)

    @property
    def ids(self) -> list[str]:
        """The webhook-id of every webhook that arrived, in order."""
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


async def settled(setup: DeliverySetup, *states: str) -> None:
    """Wait until the outbound webhooks have these states, in any order."""

    async def are() -> bool:
        return sorted(await setup.states()) == sorted(states)

    await until(are)


async def leases(setup: DeliverySetup) -> int:
    return len(await setup.rows("SELECT 1 FROM outbound_webhooks WHERE lease_token IS NOT NULL"))


async def test_an_event_arrives_signed_and_is_recorded(setup: DeliverySetup) -> None:
    async with open_shop() as shop:
        _, secret = await setup.subscriber(shop.url)
        event = await setup.event("1234-56789-01234")
        async with setup.forwarder():
            await settled(setup, "delivered")
    [(body, headers)] = shop.arrived
    verified = Webhook(secret).verify(body, headers)
    assert verified["data"]["order_no"] == "1234-56789-01234"
    assert "customer" not in verified["data"]
    assert headers["webhook-id"] == str(event)
    [attempt] = await setup.rows("SELECT * FROM attempts")
    assert (attempt.number, attempt.outcome, attempt.http_status, attempt.excerpt) == (
        1,
        "delivered",
        200,
        "OK",
    )


async def test_personal_data_goes_only_to_subscribers_that_asked(setup: DeliverySetup) -> None:
    async with open_shop() as shop:
        _, secret = await setup.subscriber(shop.url, customer=True)
        await setup.event()
        async with setup.forwarder():
            await settled(setup, "delivered")
    assert Webhook(secret).verify(*shop.arrived[0])["data"]["customer"] == {
        "name": "コンビニ　タロウ"
    }


async def test_a_failure_is_retried_with_the_same_id_until_it_succeeds(
    setup: DeliverySetup,
) -> None:
    async with open_shop(answering(500, 404, 200)) as shop:
        await setup.subscriber(shop.url)
        event = await setup.event()
        async with setup.forwarder():
            await settled(setup, "delivered")
    assert shop.ids == [str(event)] * 3
    assert await setup.outcomes() == ["http_5xx", "http_4xx", "delivered"]


async def test_after_the_last_attempt_it_is_dead_and_kept(setup: DeliverySetup) -> None:
    async with open_shop(answering(500)) as shop:
        await setup.subscriber(shop.url)
        await setup.event()
        async with setup.forwarder():
            await settled(setup, "dead")
            await asyncio.sleep(0.2)
    assert len(shop.arrived) == len(OPTIONS.schedule)
    [row] = await setup.rows("SELECT * FROM outbound_webhooks")
    assert (row.attempts, row.last_outcome, row.lease_token) == (3, "http_5xx", None)
    assert [row.number for row in await setup.rows("SELECT number FROM attempts ORDER BY id")] == [
        1,
        2,
        3,
    ]


async def test_short_waits_are_not_extended_to_the_poll(setup: DeliverySetup) -> None:
    async with open_shop(answering(500)) as shop:
        await setup.subscriber(shop.url)
        await setup.event()
        started = monotonic()
        async with setup.forwarder(schedule=(timedelta(0), *[timedelta(milliseconds=20)] * 7)):
            await settled(setup, "dead")
    assert len(shop.arrived) == 8
    assert monotonic() - started < 5  # polling alone would take seven seconds


async def test_retry_after_is_honoured(setup: DeliverySetup) -> None:
    async with open_shop(answering(503, 200, **{"Retry-After": "1"})) as shop:
        await setup.subscriber(shop.url)
        await setup.event()
        started = monotonic()
        async with setup.forwarder():
            await settled(setup, "delivered")
    assert monotonic() - started >= 1
    assert len(shop.arrived) == 2


async def test_too_many_requests_delay_the_retry_by_a_minute(setup: DeliverySetup) -> None:
    async with open_shop(answering(429)) as shop:
        await setup.subscriber(shop.url)
        await setup.event()
        async with setup.forwarder():
            await until(lambda: _has_attempts(setup, 1))
    [row] = await setup.rows(
        "SELECT due_at - now() > interval '50 s' AS later FROM outbound_webhooks"
    )
    assert row.later


async def _has_attempts(setup: DeliverySetup, count: int) -> bool:
    return len(await setup.outcomes()) >= count


async def test_gone_pauses_the_subscriber_and_holds_its_backlog(setup: DeliverySetup) -> None:
    async with open_shop(answering(410)) as shop:
        await setup.subscriber(shop.url, max_in_flight=1)
        for _ in range(3):
            await setup.event()
        async with setup.forwarder():
            await settled(setup, "dead", "pending", "pending")
            await asyncio.sleep(0.2)
        assert len(shop.arrived) == 1
        assert [
            tuple(row) for row in await setup.rows("SELECT state, pause_reason FROM subscribers")
        ] == [("paused", "gone")]
        assert await leases(setup) == 0


async def test_a_subscriber_that_was_gone_and_is_resumed_gets_its_backlog(
    setup: DeliverySetup,
) -> None:
    async with open_shop(answering(410, 410, 410, 200)) as shop:
        await setup.subscriber(shop.url, max_in_flight=3)
        for _ in range(6):
            await setup.event()
        async with setup.forwarder():
            await settled(setup, "dead", "dead", "dead", "pending", "pending", "pending")
            await setup.run("UPDATE subscribers SET state = 'active', pause_reason = NULL")
            await settled(setup, "dead", "dead", "dead", "delivered", "delivered", "delivered")


async def test_a_wake_up_sends_it_immediately(setup: DeliverySetup) -> None:
    async with open_shop() as shop:
        await setup.subscriber(shop.url)
        listener = NotifyListener(setup.url, (OUTBOUND,))
        forwarder = Forwarder(setup.sessions, setup.vault, listener, OPTIONS)
        connection = await connect(setup.url)
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(listener.run())
            group.create_task(forwarder.run())
            await asyncio.sleep(0.3)
            delays = []
            for _ in range(5):
                await setup.event()
                started = monotonic()
                await connection.execute(f"NOTIFY {OUTBOUND}")
                before = len(shop.arrived)
                await until(partial(_arrived, shop, before + 1))
                delays.append(monotonic() - started)
            forwarder.stop()
            listening.cancel()
        await connection.close()
    assert min(delays) < 0.3  # and not the second of the poll


async def _arrived(shop: Shop, count: int) -> bool:
    return len(shop.arrived) >= count


async def test_without_a_wake_up_the_poll_finds_it(setup: DeliverySetup) -> None:
    async with open_shop() as shop:
        await setup.subscriber(shop.url)
        async with setup.forwarder():
            await asyncio.sleep(0.3)
            await setup.event()
            await settled(setup, "delivered")


async def test_the_events_of_an_order_arrive_in_sequence_while_others_pass(
    setup: DeliverySetup,
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
        await setup.subscriber(shop.url)
        for sequence in (1, 2, 3):
            for order in ("A", "B", "C"):
                await setup.event(order, sequence)
        async with setup.forwarder(
            schedule=(timedelta(0), timedelta(seconds=0.4), timedelta(seconds=0.4))
        ):
            await settled(setup, *["delivered"] * 9)
    for order in ("A", "B", "C"):
        assert [sequence for seen_order, sequence in seen if seen_order == order] == [1, 2, 3]
    assert [order for order, _ in seen[-3:]] == ["A", "A", "A"]  # the others did not wait for it


async def test_a_hanging_subscriber_does_not_delay_others(setup: DeliverySetup) -> None:
    async with open_shop() as shop, hostile.serving(hostile.hang) as port:
        await setup.subscriber(f"http://127.0.0.1:{port}/hooks")
        await setup.subscriber(shop.url)
        for _ in range(60):
            await setup.event()
        async with setup.forwarder(concurrency=24, limits=TimeLimits(5, 5)):
            started = fair_seconds()
            await until(lambda: _arrived(shop, 60))
            assert fair_seconds() - started < 5  # sooner than the first hanging one times out


async def test_two_forwarders_share_the_work_and_nothing_is_sent_twice(
    setup: DeliverySetup,
) -> None:
    async with open_shop() as shop:
        await setup.subscriber(shop.url, max_in_flight=8)
        events = {str(await setup.event(f"order {n % 40}", n)) for n in range(120)}
        async with setup.forwarder(), setup.forwarder():
            await settled(setup, *["delivered"] * 120)
    assert Counter(shop.ids) == Counter(events)
    assert await setup.outcomes() == ["delivered"] * 120


async def test_a_lost_workers_webhooks_are_sent_by_another_and_its_late_result_changes_nothing(
    setup: DeliverySetup,
) -> None:
    release = asyncio.Event()

    async def slow_then_quick(_request: web.Request) -> web.Response:
        if len(shop.arrived) == 1:
            await release.wait()
            return web.Response(status=410)
        return web.Response()

    async with open_shop(slow_then_quick) as shop:
        await setup.subscriber(shop.url)
        await setup.event()
        fenced_before = results_fenced_out._value.get()
        async with setup.forwarder(limits=TimeLimits(10, 10)):
            await until(lambda: _arrived(shop, 1))
            await setup.run(
                "UPDATE outbound_webhooks SET due_at = now() - interval '1 ms'"
            )  # as if its holder had been lost
            async with setup.forwarder():
                await settled(setup, "delivered")
            release.set()
        assert results_fenced_out._value.get() == fenced_before + 1
    assert await setup.states() == ["delivered"]
    assert await setup.outcomes() == ["delivered"]
    assert [row.state for row in await setup.rows("SELECT state FROM subscribers")] == ["active"]


async def test_a_send_that_takes_longer_than_the_lease_keeps_it(setup: DeliverySetup) -> None:
    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(1.5)
        return web.Response()

    async with open_shop(slow) as shop:
        await setup.subscriber(shop.url)
        await setup.event()
        options = {"lease": timedelta(seconds=0.6), "limits": TimeLimits(5, 5)}
        async with setup.forwarder(**options), setup.forwarder(**options):
            await settled(setup, "delivered")
    assert len(shop.arrived) == 1


async def test_a_stop_lets_sends_end_records_them_and_leaves_no_lease(setup: DeliverySetup) -> None:
    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.4)
        return web.Response()

    async with open_shop(slow) as shop:
        await setup.subscriber(shop.url, max_in_flight=4)
        for _ in range(20):
            await setup.event()
        async with setup.forwarder(limits=TimeLimits(5, 5)) as forwarder:
            await until(lambda: _arrived(shop, 4))
            forwarder.stop()
    assert Counter(await setup.states()) == {"delivered": 4, "pending": 16}
    assert len(shop.arrived) == 4
    assert await leases(setup) == 0


async def test_a_stop_waits_for_hanging_sends_up_to_its_limit_and_releases_them(
    setup: DeliverySetup,
) -> None:
    async with hostile.serving(hostile.hang) as port:
        await setup.subscriber(f"http://127.0.0.1:{port}/hooks")
        for _ in range(3):
            await setup.event()
        started = monotonic()
        async with setup.forwarder(limits=TimeLimits(30, 30), stop_s=0.3):
            await until(lambda: _leased(setup, 3))
        assert monotonic() - started < 5
    assert await setup.states() == ["pending"] * 3
    assert await leases(setup) == 0
    assert await setup.outcomes() == []
    [row] = await setup.rows(
        "SELECT count(*) AS due FROM outbound_webhooks WHERE due_at <= now() AND attempts = 0"
    )
    assert row.due == 3


async def _leased(setup: DeliverySetup, count: int) -> bool:
    return await leases(setup) == count


async def test_a_stop_before_the_start_stops(setup: DeliverySetup) -> None:
    async with setup.forwarder() as forwarder:
        forwarder.stop()


async def test_delivery_survives_lost_connections_to_the_database(setup: DeliverySetup) -> None:
    engine = make_engine(setup.url, application="the test")
    owner = DeliverySetup(make_sessions(engine), setup.url, setup.vault)
    async with open_shop() as shop:
        await owner.subscriber(shop.url)
        async with setup.forwarder():
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


async def test_an_internal_error_ends_the_run(setup: DeliverySetup) -> None:
    listener = NotifyListener(setup.url, (OUTBOUND,))
    forwarder = Forwarder(setup.sessions, setup.vault, listener, OPTIONS)
    await setup.run("ALTER TABLE outbound_webhooks RENAME COLUMN due_at TO due_moment")
    async with asyncio.timeout(5):
        with pytest.raises(ExceptionGroup) as caught:
            await forwarder.run()
    [error] = caught.value.exceptions
    assert "due_at does not exist" in repr(error)


async def test_a_secret_that_cannot_be_opened_is_our_failure_and_not_charged(
    setup: DeliverySetup,
) -> None:
    async with open_shop() as shop:
        await setup.subscriber(shop.url)
        await setup.event()
        stranger = DeliverySetup(setup.sessions, setup.url, Vault([Fernet.generate_key().decode()]))
        async with stranger.forwarder():
            await until(lambda: _has_attempts(setup, 1))
    [row] = await setup.rows("SELECT * FROM outbound_webhooks")
    assert (row.state, row.attempts, row.excused, row.last_outcome) == ("pending", 0, 1, "own_side")
    assert shop.arrived == []


async def test_a_subscriber_without_a_secret_gets_nothing_unsigned(setup: DeliverySetup) -> None:
    async with open_shop() as shop:
        await setup.subscriber(shop.url)
        await setup.run("DELETE FROM subscriber_secrets")
        await setup.event()
        async with setup.forwarder():
            await until(lambda: _has_attempts(setup, 1))
    assert await setup.outcomes() == ["own_side"]
    assert shop.arrived == []


async def test_a_webhook_that_cannot_be_sent_does_not_end_the_delivery_of_the_rest(
    setup: DeliverySetup,
) -> None:
    async with open_shop() as shop:
        await setup.subscriber(shop.url)
        spoilt, _ = await setup.subscriber(shop.url)
        sealed = setup.vault.seal("whsec_")  # opens, but is no key
        await setup.run(
            "UPDATE subscriber_secrets SET sealed = :sealed WHERE subscriber_id = :id",
            sealed=sealed,
            id=spoilt,
        )
        await setup.event()
        async with setup.forwarder():
            await until(lambda: _has_attempts(setup, 2))
    assert sorted(await setup.outcomes()) == ["delivered", "own_side"]


@pytest.mark.parametrize(
    ("kind", "behaviour"),
    [("reset", hostile.reset_at_connect), ("redirect", hostile.answering(b"302 Found"))],
)
async def test_a_misbehaving_subscriber_is_retried_until_dead(
    setup: DeliverySetup, kind: str, behaviour: hostile.Behaviour
) -> None:
    async with hostile.serving(behaviour) as port:
        await setup.subscriber(f"http://127.0.0.1:{port}/hooks")
        await setup.event()
        async with setup.forwarder():
            await settled(setup, "dead")
    assert await setup.outcomes() == [kind] * 3


async def test_a_destination_that_became_forbidden_is_rejected_and_retried(
    setup: DeliverySetup,
) -> None:
    async with open_shop() as shop:
        await setup.subscriber(shop.url)
        await setup.event()
        async with setup.forwarder(networks=()):
            await settled(setup, "dead")
        assert await setup.outcomes() == ["destination_refused"] * 3
        assert shop.arrived == []


async def test_a_subscribers_own_time_limit_applies(setup: DeliverySetup) -> None:
    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.8)
        return web.Response()

    async with open_shop(slow) as shop:
        await setup.subscriber(shop.url, timeout_ms=3_000)
        await setup.event()
        async with setup.forwarder():
            await settled(setup, "delivered")


async def test_many_subscribers_get_everything(setup: DeliverySetup) -> None:
    async with AsyncExitStack() as stack:
        shops = [await stack.enter_async_context(open_shop()) for _ in range(5)]
        for shop in shops:
            await setup.subscriber(shop.url)
        events = {str(await setup.event()) for _ in range(30)}
        async with setup.forwarder(limits=TimeLimits(5, 5)):
            await settled(setup, *["delivered"] * 150)
    for shop in shops:
        assert Counter(shop.ids) == Counter(events)
