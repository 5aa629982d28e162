"""Answers made of several statements: a writer that commits after the first statement must not show in the rest."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only

from app.db.engine import make_engine, make_sessions
from app.db.snapshot import snapshot
from app.operations.deliveries.webhooks import WebhookState, list_outbound, show_outbound
from app.operations.doctor.onboarding import read_onboarding
from app.operations.feed.reader import Feed, Reader
from app.operations.feed.wakeup import FeedWakeup
from app.operations.monitoring.collector import Watch
from app.operations.monitoring.overview import Overviews
from app.operations.notices.notices import VerdictFilter, list_notices, show_notice
from app.operations.orders.history import show_order
from app.operations.pagination import Place
from app.operations.reviews.attention import read_attention
from app.operations.subscribers.subscribers import show_subscriber, show_subscriber_with_webhooks
from tests.operations.operations_setup import OPERATOR, ORDER_NO, OperationsSetup

PLACE = Place()
Answer = Callable[["Ready"], Awaitable[Any]]


@dataclass(frozen=True)
class Ready(OperationsSetup):
    """A world with an order, a quarantined notice and two subscribers, one of them `shop`."""

    notice_id: UUID
    webhook_id: int
    shop_id: UUID


async def _order(world: Ready) -> Any:
    return await show_order(world.sessions, ORDER_NO)


async def _order_shown(world: Ready) -> Any:
    return await show_order(world.sessions, ORDER_NO, shown_to=OPERATOR)


async def _notice(world: Ready) -> Any:
    return await show_notice(world.sessions, world.notice_id)


async def _notices(world: Ready) -> Any:
    return await list_notices(world.sessions, PLACE, verdict=VerdictFilter.QUARANTINED)


async def _webhook(world: Ready) -> Any:
    return await show_outbound(world.sessions, world.webhook_id)


async def _webhooks(world: Ready) -> Any:
    return await list_outbound(
        world.sessions, PLACE, states=(WebhookState.PENDING, WebhookState.DEAD)
    )


async def _attention(world: Ready) -> Any:
    return await read_attention(world.sessions)


async def _overview(world: Ready) -> Any:
    return (await Overviews(world.sessions).read()).model_dump(exclude={"at"})


async def _subscriber(world: Ready) -> Any:
    return await show_subscriber(world.sessions, "shop")


async def _subscriber_page(world: Ready) -> Any:
    return await show_subscriber_with_webhooks(world.sessions, "shop", PLACE)


async def _onboarding(world: Ready) -> Any:
    return (await read_onboarding(world.sessions)).model_dump(exclude={"since"})


async def _feed(world: Ready) -> Any:
    return await Feed(world.sessions, FeedWakeup(world.sessions)).read(PLACE, Reader(world.shop_id))


async def _measured(world: Ready) -> Any:
    standing = (await Watch(world.sessions).measure()).snapshot
    return standing.quarantined, [(one.state, one.undelivered) for one in standing.subscribers]


ANSWERS: list[Answer] = [
    _order,
    _order_shown,
    _notice,
    _notices,
    _webhook,
    _webhooks,
    _attention,
    _overview,
    _subscriber,
    _subscriber_page,
    _onboarding,
    _feed,
    _measured,
]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.__name__.strip("_"))
async def test_an_answer_is_of_one_moment(world: OperationsSetup, answer: Answer) -> None:
    ready, writer = await _prepare(world), _Writer(world)
    before = await answer(ready)
    try:
        with _after_first_statement(world, writer):
            during = await answer(ready)
    finally:
        await writer.engine.dispose()
    assert before == during
    assert before != await answer(ready)


async def test_only_an_audited_snapshot_may_write(world: OperationsSetup) -> None:
    await world.add()
    write = "UPDATE subscribers SET state = 'paused'"
    async with snapshot(world.sessions) as session:
        connection = await session.connection()
        level = (await connection.exec_driver_sql("SHOW transaction_isolation")).scalar()
        assert ("repeatable read", "on") == (
            level,
            (await connection.exec_driver_sql("SHOW transaction_read_only")).scalar(),
        )
    async with snapshot(world.sessions, audited=True) as session:
        await (await session.connection()).exec_driver_sql(write)
    async with (
        world.sessions() as session
    ):  # the pool hands the same connection out as it was before
        connection = await session.connection()
        level = (await connection.exec_driver_sql("SHOW transaction_isolation")).scalar()
        assert ("read committed", "off") == (
            level,
            (await connection.exec_driver_sql("SHOW transaction_read_only")).scalar(),
        )
    assert ["paused"] == [row.state for row in await world.rows("SELECT state FROM subscribers")]


class _Writer:
    """Changes everything that the answers show, on connections of its own."""

    def __init__(self, world: OperationsSetup) -> None:
        self.engine = make_engine(world.url)
        self._world = OperationsSetup(make_sessions(self.engine), world.url, world.vault)

    async def write(self) -> None:
        world = self._world
        await world.run(
            "UPDATE notices SET verdict = NULL, released = true WHERE verdict = 'quarantined'"
        )
        await world.run(
            "UPDATE outbound_webhooks SET state = 'dead', finished_at = now(), attempts = 1"
        )
        await world.run(
            "INSERT INTO attempts (outbound_webhook_id, number, started_at, duration_ms, outcome)"
            " SELECT id, 1, now(), 5, 'timeout' FROM outbound_webhooks"
        )
        await world.run(
            "INSERT INTO answers (notice_id, answered_at) SELECT id, now() FROM notices"
        )
        await world.run("UPDATE subscriber_secrets SET expires_at = now() + interval '1 day'")
        await world.judged("04", "05")
        await world.judged("99", order_no="9999-00000-00002")
        await world.run(
            "UPDATE subscribers SET state = 'paused', pause_reason = 'test' WHERE name = 'other'"
        )


async def _prepare(world: OperationsSetup) -> Ready:
    await world.add("shop")
    await world.add("other", "https://other.example/hooks")
    (notice_id,) = await world.judged("01")
    await world.judged("99", order_no="9999-00000-00001")
    (webhook, _) = await world.rows("SELECT id FROM outbound_webhooks ORDER BY id")
    (shop,) = await world.rows("SELECT id FROM subscribers WHERE name = 'shop'")
    return Ready(world.sessions, world.url, world.vault, notice_id, webhook.id, shop.id)


@contextmanager
def _after_first_statement(world: OperationsSetup, writer: _Writer) -> Iterator[None]:
    """Have the writer commit once, between the first statement of the answer that follows and its second."""
    engine: AsyncEngine = world.sessions.kw["bind"]
    to_do = [writer.write]

    def interrupt(*_: object) -> None:
        if to_do:
            await_only(to_do.pop()())

    event.listen(engine.sync_engine, "after_cursor_execute", interrupt)
    try:
        yield
    finally:
        event.remove(engine.sync_engine, "after_cursor_execute", interrupt)
    assert not to_do
