"""Event feed: complete and in order, waiting without a connection, filtered like a subscription."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.db.engine import make_engine, make_sessions
from app.db.notify import OUTBOUND, NotifyListener, Waker
from app.judging.judge import Judge
from app.operations.errors import (
    BadCursor,
    NotAcceptable,
    SubscriberNotFound,
    SubscriberPaused,
    SubscriberPolls,
)
from app.operations.feed.reader import Feed, Reader, authenticate_feed
from app.operations.feed.wakeup import FeedWakeup
from app.operations.orders.events import EventPage
from app.operations.pagination import Place
from app.operations.subscribers.models import SubscriberChange
from app.operations.subscribers.pause import pause_subscriber
from app.operations.subscribers.recovery import RecoveryRequest, recover
from app.operations.subscribers.rotation import Rotation, rotate_secret
from app.operations.subscribers.subscribers import (
    change_subscriber,
    remove_subscriber,
    show_subscriber,
)
from app.operations.subscribers.test_webhook import send_test
from tests.fair_clock import fair_seconds
from tests.operations.operations_setup import (
    ADMIN,
    NAME,
    OPERATOR,
    PERSONAL,
    RULES,
    OperationsSetup,
)

OPERATORS = Reader()


def plain(setup: OperationsSetup) -> Feed:
    """A feed whose wake-up does not run: readers query by themselves."""
    return Feed(setup.sessions, FeedWakeup(setup.sessions))


async def poller(setup: OperationsSetup, name: str = "poller", **values: Any) -> tuple[Reader, str]:
    """A subscriber that polls, and its token."""
    added = await setup.add(name, None, feed=True, **values)
    operator = await authenticate_feed(setup.sessions, added.secret)
    assert operator is not None
    return Reader(operator.feed), added.secret


def types(page: EventPage) -> list[str]:
    return [event.type for event in page.items]


async def test_a_reader_reads_on_from_its_cursor(setup: OperationsSetup) -> None:
    feed = plain(setup)
    empty = await feed.read(Place(), OPERATORS)
    assert ([], False) == (empty.items, empty.has_more)
    await setup.judged("01", "04", "05")
    first = await feed.read(Place(empty.next_cursor, 2), OPERATORS)
    assert (["order.accepted", "payment.received"], True) == (types(first), first.has_more)
    rest = await feed.read(Place(first.next_cursor), OPERATORS)
    assert (["payment.confirmed", "order.released"], False) == (types(rest), rest.has_more)
    again = await feed.read(Place(rest.next_cursor), OPERATORS)
    assert ([], rest.next_cursor) == (again.items, again.next_cursor)


@pytest.mark.parametrize("cursor", ["x", "", "AAAA", "あ", "A" * 22])
async def test_an_invalid_cursor_is_rejected(setup: OperationsSetup, cursor: str) -> None:
    with pytest.raises(BadCursor):
        await plain(setup).read(Place(cursor), OPERATORS)


async def test_events_about_one_subscriber_are_not_in_the_feed(setup: OperationsSetup) -> None:
    await setup.add("shop")
    await send_test(setup.sessions, "shop", OPERATOR, wait_seconds=0)
    await setup.judged("01")
    assert ["order.accepted"] == types(await plain(setup).read(Place(), OPERATORS))


async def test_a_reader_sees_its_types_and_skips_the_others(setup: OperationsSetup) -> None:
    reader, _ = await poller(setup, event_types=["payment.confirmed"])
    await setup.judged("01", "04")
    nothing = await plain(setup).read(Place(), reader)
    assert [] == nothing.items
    await setup.judged("05")
    one = await plain(setup).read(Place(nothing.next_cursor), reader)
    assert ["payment.confirmed"] == types(one)
    # The cursor has passed the excluded events: a wider filter does not return them, and no event
    # is read twice.
    await change_subscriber(
        setup.sessions, setup.vault, "poller", SubscriberChange(event_types=None), RULES, ADMIN
    )
    assert [] == types(await plain(setup).read(Place(one.next_cursor), reader))
    assert 4 == len((await plain(setup).read(Place(), reader)).items)


async def test_the_customer_is_shown_only_to_readers_with_personal_data(
    setup: OperationsSetup,
) -> None:
    curious, _ = await poller(setup, "curious", customer=True)
    plainly, _ = await poller(setup, "plain")
    await setup.judged("01")
    feed = plain(setup)
    (event,) = (await feed.read(Place(), curious)).items
    assert (list(PERSONAL), None) == (list(event.data["customer"].values()), event.customer)
    (event,) = (await feed.read(Place(), plainly)).items
    assert "customer" not in event.data
    for reader in (plainly, OPERATORS):
        page = (await feed.read(Place(), reader)).model_dump_json()
        assert [] == [secret for secret in PERSONAL if secret in page]
    (event,) = (await feed.read(Place(), Reader(shown_to=OPERATOR))).items
    assert event.customer is not None
    assert NAME == event.customer["name"]
    views = await setup.rows(
        "SELECT operator FROM audit_entries WHERE action = 'personal_data.seen'"
    )
    assert [OPERATOR.name] == [row.operator for row in views]


async def test_an_event_equals_that_of_webhooks(setup: OperationsSetup) -> None:
    reader, _ = await poller(setup)
    await setup.judged("01")
    (event,) = (await plain(setup).read(Place(), reader)).items
    (row,) = await setup.rows("SELECT id, type, data FROM events")
    assert (row.id, row.type, row.data) == (event.id, event.type, event.data)


async def test_a_subscriber_that_polls_gets_no_webhooks(setup: OperationsSetup) -> None:
    await poller(setup)
    await setup.judged("01")
    assert [] == await setup.states()
    request = RecoveryRequest.model_validate(
        {"subscriber": "poller", "since": "2020-01-01T00:00:00Z", "everything": True}
    )
    with pytest.raises(SubscriberPolls):
        await recover(setup.sessions, request, OPERATOR)
    with pytest.raises(SubscriberPolls):
        await send_test(setup.sessions, "poller", OPERATOR, wait_seconds=0)


@pytest.mark.parametrize(
    "values",
    [
        {"url": "https://shop.example/"},
        {"url": None, "secret": "whsec_" + "A" * 32},
        {"url": None, "asymmetric": True},
        {"url": None, "headers": {"x-shop": "1"}},
        {"url": None, "feed": False},
    ],
)
async def test_a_subscriber_has_a_url_or_polls(
    setup: OperationsSetup, values: dict[str, Any]
) -> None:
    with pytest.raises(NotAcceptable):
        await setup.add("poller", **{"feed": True, **values})
    await poller(setup)
    change = SubscriberChange(url="https://shop.example/")
    with pytest.raises(NotAcceptable):
        await change_subscriber(setup.sessions, setup.vault, "poller", change, RULES, ADMIN)


async def test_the_token_is_stored_as_a_hash_and_ends_with_rotation_or_removal(
    setup: OperationsSetup,
) -> None:
    reader, token = await poller(setup)
    assert token.startswith("zft_")
    stored = str(await setup.rows("SELECT CAST(subscribers.* AS text) FROM subscribers"))
    shown = (await show_subscriber(setup.sessions, "poller")).model_dump_json()
    assert token[4:] not in stored + shown
    rotated = await rotate_secret(setup.sessions, setup.vault, "poller", Rotation(), ADMIN)
    assert await authenticate_feed(setup.sessions, token) is None
    operator = await authenticate_feed(setup.sessions, rotated.secret)
    assert operator is not None
    assert reader.subscriber_id == operator.feed
    with pytest.raises(NotAcceptable):
        await rotate_secret(setup.sessions, setup.vault, "poller", Rotation(asymmetric=True), ADMIN)
    await pause_subscriber(setup.sessions, "poller", None, ADMIN)
    with pytest.raises(SubscriberPaused):
        await plain(setup).read(Place(), reader)
    await remove_subscriber(setup.sessions, "poller", ADMIN)
    assert await authenticate_feed(setup.sessions, rotated.secret) is None
    with pytest.raises(SubscriberNotFound):
        await plain(setup).read(Place(), reader)


@dataclass
class Running:
    """A feed whose wake-up runs, with the waker."""

    feed: Feed
    wakeup: FeedWakeup
    waker: Waker


@asynccontextmanager
async def running(setup: OperationsSetup) -> AsyncIterator[Running]:
    engine = make_engine(setup.url, pool_size=2, application="feed under test")
    sessions = make_sessions(engine)
    wakeup, listener, waker = (
        FeedWakeup(sessions),
        NotifyListener(setup.url, (OUTBOUND,)),
        Waker(setup.url, OUTBOUND),
    )
    tasks = [
        asyncio.create_task(job) for job in (wakeup.run(listener), listener.run(), waker.run())
    ]
    try:
        yield Running(Feed(sessions, wakeup), wakeup, waker)
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await engine.dispose()


async def _until_waiting(wakeup: FeedWakeup, count: int) -> None:
    async with asyncio.timeout(10):
        while wakeup.waiting < count:
            await asyncio.sleep(0.01)


async def test_many_readers_wait_without_a_connection_and_wake_together(
    setup: OperationsSetup,
) -> None:
    async with running(setup) as now:
        waiting = [asyncio.create_task(now.feed.read(Place(), OPERATORS, 30)) for _ in range(50)]
        await _until_waiting(now.wakeup, 50)
        busy = (
            "SELECT count(*) AS count FROM pg_stat_activity "
            "WHERE application_name = 'feed under test' AND state <> 'idle'"
        )
        assert 0 == (await setup.rows(busy))[0].count
        open_ = (
            "SELECT count(*) AS count FROM pg_stat_activity "
            "WHERE application_name = 'feed under test'"
        )
        assert (await setup.rows(open_))[0].count <= 4
        await setup.judged("01")
        started = fair_seconds()
        now.waker.wake()
        pages = await asyncio.gather(*waiting)
        assert fair_seconds() - started < 5
    assert [["order.accepted"]] * 50 == [types(page) for page in pages]


async def test_polling_finds_events_without_a_notification(setup: OperationsSetup) -> None:
    async with running(setup) as now:
        waiting = asyncio.create_task(now.feed.read(Place(), OPERATORS, 30))
        await _until_waiting(now.wakeup, 1)
        await setup.judged("01")  # without a notification
        assert ["order.accepted"] == types(await asyncio.wait_for(waiting, 5))


async def test_a_wait_without_events_ends_in_time_with_an_empty_page(
    setup: OperationsSetup,
) -> None:
    reader, _ = await poller(setup, event_types=["order.failed"])
    async with running(setup) as now:
        started = monotonic()
        waiting = asyncio.create_task(now.feed.read(Place(), reader, 1.0))
        await _until_waiting(now.wakeup, 1)
        await setup.judged("01")  # not its type: it keeps waiting, and its cursor passes the event
        now.waker.wake()
        page = await waiting
    assert 1 <= monotonic() - started < 4
    assert [] == page.items
    await setup.judged("04")
    assert ["payment.received"] == types(
        await plain(setup).read(Place(page.next_cursor), OPERATORS)
    )


async def test_a_stop_ends_all_waits(setup: OperationsSetup) -> None:
    async with running(setup) as now:
        waiting = [asyncio.create_task(now.feed.read(Place(), OPERATORS, 30)) for _ in range(5)]
        await _until_waiting(now.wakeup, 5)
        now.wakeup.close()
        pages = await asyncio.wait_for(asyncio.gather(*waiting), 5)
        assert [[]] * 5 == [page.items for page in pages]
        assert [] == (await asyncio.wait_for(now.feed.read(Place(), OPERATORS, 30), 5)).items


async def _judge_all(url: str, done: asyncio.Event) -> None:
    engine = make_engine(url, pool_size=1)
    judge = Judge(make_sessions(engine), [], lambda: None)
    while not (await judge.judge_batch() == 0 and done.is_set()):
        await asyncio.sleep(0.003)
    await engine.dispose()


@pytest.mark.parametrize("seed", range(2))
async def test_a_poller_sees_each_event_of_several_workers_once_and_orders_in_sequence(
    setup: OperationsSetup, seed: int
) -> None:
    random_ = random.Random(seed)
    done = asyncio.Event()
    seen: list[tuple[UUID, str, int]] = []

    async def poll(feed: Feed) -> None:
        cursor: str | None = None
        while True:
            last = done.is_set() and not await setup.rows(
                "SELECT 1 FROM notices WHERE verdict IS NULL LIMIT 1"
            )
            page = await feed.read(
                Place(cursor, random_.randrange(1, 20)), OPERATORS, 0 if last else 0.3
            )
            seen.extend(
                (event.id, str(event.order_no), event.sequence or 0) for event in page.items
            )
            cursor = page.next_cursor
            if last and not page.items:
                return

    async def call() -> None:
        orders = {f"{seed}-{number}": ["01", "04", "05"] for number in range(60)}
        while orders:
            order_no = random_.choice(list(orders))
            await setup.call(orders[order_no].pop(0), order_no=order_no, sendid=order_no)
            if not orders[order_no]:
                del orders[order_no]
        done.set()

    async with running(setup) as now, asyncio.TaskGroup() as group:
        group.create_task(poll(now.feed))
        for _ in range(4):
            group.create_task(_judge_all(setup.url, done))
        await call()
    events = await setup.rows("SELECT id FROM events")
    assert 240 == len(events) == len(seen)
    assert {row.id for row in events} == {event_id for event_id, _, _ in seen}
    by_order: dict[str, list[int]] = {}
    for _, order_no, sequence in seen:
        by_order.setdefault(order_no, []).append(sequence)
    assert [[1, 2, 3, 4]] * 60 == list(by_order.values())


async def test_a_poll_reads_a_few_rows_of_one_index(setup: OperationsSetup) -> None:
    await setup.run(
        "INSERT INTO events (id, type, created_at, data, position) "
        "SELECT gen_random_uuid(), 'payment.received', now(), '{}', n "
        "FROM generate_series(1, 50000) n"
    )
    await setup.run("ANALYZE events")
    reader, _ = await poller(setup, event_types=["order.failed"])
    async with setup.sessions.begin() as session:
        await session.execute(text("SELECT setval('events_position_seq', 50000)"))
    cursor: str | None = None
    steps = 0
    while True:  # through the whole past, of which nothing is asked for, in steps
        page = await plain(setup).read(Place(cursor), reader)
        cursor, steps = page.next_cursor, steps + 1
        if not page.has_more:
            break
    assert steps <= 27
    plan = await setup.rows(
        "EXPLAIN SELECT position FROM events WHERE position > 49990 ORDER BY position LIMIT 2000"
    )
    assert "events_position_key" in str(plan)
    plan = await setup.rows("EXPLAIN SELECT max(position) FROM events WHERE position IS NOT NULL")
    assert "Seq Scan" not in str(plan)
