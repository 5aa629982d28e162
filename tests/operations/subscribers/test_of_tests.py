"""Events of test orders: who gets them by webhook, in the feed and by a recovery."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.clock import now
from app.db.tables.orders import EventRow
from app.forwarding.recovery_jobs import JobState, advance
from app.operations.feed.reader import Feed, Reader, authenticate_feed
from app.operations.feed.wakeup import FeedWakeup
from app.operations.pagination import Place
from app.operations.subscribers.models import OfTests, SubscriberChange
from app.operations.subscribers.recovery import RecoveryRequest, recover
from app.operations.subscribers.subscribers import change_subscriber
from tests.judging import applied_setup
from tests.judging.applied_setup import application
from tests.operations.operations_setup import ADMIN, RULES, OperationsSetup

EXPECTED = {
    OfTests.INCLUDE: ["real", "test"],
    OfTests.EXCLUDE: ["real"],
    OfTests.ONLY: ["test"],
}


@pytest.fixture
async def orders(setup: OperationsSetup) -> OperationsSetup:
    """Return the setup with subscribers of each kind, then one event of a real and of a test
    order.
    """
    for choice in OfTests:
        await setup.add(f"hook-{choice}", test=choice)
    await setup.add("plain")
    applied = application(test=True)
    await applied_setup.store(setup.sessions, applied)
    await setup.call("01", order_no="test", sendpoint=applied.sendpoint, sendid="A-1001")
    await setup.call("01", order_no="real", sendid="A-1002")
    await applied_setup.judge_all(setup.sessions)
    return setup


async def sent_to(setup: OperationsSetup, name: str) -> list[str]:
    rows = await setup.rows(
        "SELECT w.order_no FROM outbound_webhooks w JOIN subscribers s ON s.id = w.subscriber_id "
        f"WHERE s.name = '{name}' AND w.state = 'pending' ORDER BY w.order_no"
    )
    return [row.order_no for row in rows]


@pytest.mark.parametrize("choice", OfTests)
async def test_webhooks(orders: OperationsSetup, choice: OfTests) -> None:
    assert EXPECTED[choice] == await sent_to(orders, f"hook-{choice}")
    assert ["real"] == await sent_to(orders, "plain"), "tests are excluded by default"


@pytest.mark.parametrize("choice", OfTests)
async def test_the_feed(orders: OperationsSetup, choice: OfTests) -> None:
    added = await orders.add("poller", None, feed=True, test=choice)
    operator = await authenticate_feed(orders.sessions, added.secret)
    assert operator
    feed = Feed(orders.sessions, FeedWakeup(orders.sessions))
    page = await feed.read(Place(), Reader(operator.feed))
    assert EXPECTED[choice] == sorted(str(event.order_no) for event in page.items)
    assert 2 == len((await feed.read(Place(), Reader())).items), "an operator sees all"


@pytest.mark.parametrize("everything", [True, False])
@pytest.mark.parametrize("choice", OfTests)
async def test_a_recovery(orders: OperationsSetup, choice: OfTests, everything: bool) -> None:
    await change_subscriber(
        orders.sessions,
        orders.vault,
        "hook-include",
        SubscriberChange(test=choice),
        RULES,
        ADMIN,
    )
    await orders.run("UPDATE outbound_webhooks SET state = 'dead', finished_at = now()")
    request = RecoveryRequest(
        subscriber="hook-include", since=now() - timedelta(hours=1), everything=everything
    )
    recovery = await recover(orders.sessions, request, ADMIN)
    assert len(EXPECTED[choice]) == recovery.webhooks
    async with orders.sessions.begin() as session:
        progress = await advance(session)
    assert progress
    assert (len(EXPECTED[choice]), JobState.DONE) == (progress.webhooks, progress.state)
    assert EXPECTED[choice] == await sent_to(orders, "hook-include")


async def test_events_tell_a_test(orders: OperationsSetup) -> None:
    async with orders.sessions() as session:
        rows = (await session.scalars(select(EventRow).order_by(EventRow.order_no))).all()
    assert [("real", False, False), ("test", True, True)] == [
        (row.order_no, row.test, row.data["test"]) for row in rows
    ]
