"""Snapshots: an answer of several statements shows no commit between them."""

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
from app.operations.attention.attention import read_attention
from app.operations.deliveries.models import WebhookState
from app.operations.deliveries.webhooks import list_outbound, show_outbound
from app.operations.doctor.onboarding import read_onboarding
from app.operations.feed.reader import Feed, Reader
from app.operations.feed.wakeup import FeedWakeup
from app.operations.monitoring.collector import Watch
from app.operations.monitoring.overview import Overviews
from app.operations.notices.notices import VerdictFilter, list_notices, show_notice
from app.operations.orders.history import show_order
from app.operations.pagination import Place
from app.operations.subscribers.subscribers import show_subscriber, show_subscriber_with_webhooks
from tests.operations.operations_setup import OPERATOR, ORDER_NO, OperationsSetup

PLACE = Place()
Answer = Callable[["Ready"], Awaitable[Any]]


@dataclass(frozen=True)
class Ready(OperationsSetup):
    """A setup with an order, a quarantined notice and two subscribers, one named `shop`."""

    notice_id: UUID
    webhook_id: int
    shop_id: UUID


async def _order(setup: Ready) -> Any:
    return await show_order(setup.sessions, ORDER_NO)


async def _order_shown(setup: Ready) -> Any:
    return await show_order(setup.sessions, ORDER_NO, shown_to=OPERATOR)


async def _notice(setup: Ready) -> Any:
    return await show_notice(setup.sessions, setup.notice_id)


async def _notices(setup: Ready) -> Any:
    return await list_notices(setup.sessions, PLACE, verdict=VerdictFilter.QUARANTINED)


async def _webhook(setup: Ready) -> Any:
    return await show_outbound(setup.sessions, setup.webhook_id)


async def _webhooks(setup: Ready) -> Any:
    return await list_outbound(
        setup.sessions, PLACE, states=(WebhookState.PENDING, WebhookState.DEAD)
    )


async def _attention(setup: Ready) -> Any:
    return await read_attention(setup.sessions)


async def _overview(setup: Ready) -> Any:
    return (await Overviews(setup.sessions).read()).model_dump(exclude={"at"})


async def _subscriber(setup: Ready) -> Any:
    return await show_subscriber(setup.sessions, "shop")


async def _subscriber_page(setup: Ready) -> Any:
    return await show_subscriber_with_webhooks(setup.sessions, "shop", PLACE)


async def _onboarding(setup: Ready) -> Any:
    return (await read_onboarding(setup.sessions)).model_dump(exclude={"since"})


async def _feed(setup: Ready) -> Any:
    return await Feed(setup.sessions, FeedWakeup(setup.sessions)).read(PLACE, Reader(setup.shop_id))


async def _measured(setup: Ready) -> Any:
    current = (await Watch(setup.sessions).measure()).snapshot
    return current.quarantined, [(one.state, one.undelivered) for one in current.subscribers]


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
async def test_an_answer_shows_one_snapshot(setup: OperationsSetup, answer: Answer) -> None:
    ready, writer = await _prepare(setup), _Writer(setup)
    before = await answer(ready)
    try:
        with _after_first_statement(setup, writer):
            during = await answer(ready)
    finally:
        await writer.engine.dispose()
    assert before == during
    assert before != await answer(ready)


async def test_only_an_audited_snapshot_may_write(setup: OperationsSetup) -> None:
    await setup.add()
    write = "UPDATE subscribers SET state = 'paused'"
    async with snapshot(setup.sessions) as session:
        connection = await session.connection()
        level = (await connection.exec_driver_sql("SHOW transaction_isolation")).scalar()
        assert ("repeatable read", "on") == (
            level,
            (await connection.exec_driver_sql("SHOW transaction_read_only")).scalar(),
        )
    async with snapshot(setup.sessions, audited=True) as session:
        await (await session.connection()).exec_driver_sql(write)
    async with setup.sessions() as session:  # the pool gives out the same connection, reset
        connection = await session.connection()
        level = (await connection.exec_driver_sql("SHOW transaction_isolation")).scalar()
        assert ("read committed", "off") == (
            level,
            (await connection.exec_driver_sql("SHOW transaction_read_only")).scalar(),
        )
    assert ["paused"] == [row.state for row in await setup.rows("SELECT state FROM subscribers")]


class _Writer:
    """Changes all data that the answers show, on its own connections."""

    def __init__(self, setup: OperationsSetup) -> None:
        self.engine = make_engine(setup.url)
        self._world = OperationsSetup(make_sessions(self.engine), setup.url, setup.vault)

    async def write(self) -> None:
        setup = self._world
        await setup.run(
            "UPDATE notices SET verdict = NULL, released = true WHERE verdict = 'quarantined'"
        )
        await setup.run(
            "UPDATE outbound_webhooks SET state = 'dead', finished_at = now(), attempts = 1"
        )
        await setup.run(
            "INSERT INTO attempts (outbound_webhook_id, number, started_at, duration_ms, outcome)"
            " SELECT id, 1, now(), 5, 'timeout' FROM outbound_webhooks"
        )
        await setup.run(
            "INSERT INTO answers (notice_id, answered_at) SELECT id, now() FROM notices"
        )
        await setup.run("UPDATE subscriber_secrets SET expires_at = now() + interval '1 day'")
        await setup.judged("04", "05")
        await setup.judged("99", order_no="9999-00000-00002")
        await setup.run(
            "UPDATE subscribers SET state = 'paused', pause_reason = 'test' WHERE name = 'other'"
        )


async def _prepare(setup: OperationsSetup) -> Ready:
    await setup.add("shop")
    await setup.add("other", "https://other.example/hooks")
    (notice_id,) = await setup.judged("01")
    await setup.judged("99", order_no="9999-00000-00001")
    (webhook, _) = await setup.rows("SELECT id FROM outbound_webhooks ORDER BY id")
    (shop,) = await setup.rows("SELECT id FROM subscribers WHERE name = 'shop'")
    return Ready(setup.sessions, setup.url, setup.vault, notice_id, webhook.id, shop.id)


@contextmanager
def _after_first_statement(setup: OperationsSetup, writer: _Writer) -> Iterator[None]:
    """Let the writer commit once, after the first statement of the next answer."""
    engine: AsyncEngine = setup.sessions.kw["bind"]
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
