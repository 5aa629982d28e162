"""A subscriber can be tested for real, and the operator reads what came of it."""

import pytest

from app.operations.errors import SubscriberNotFound, SubscriberPaused
from app.operations.subscribers.pause import pause_subscriber
from app.operations.subscribers.test_webhook import send_test
from tests.operations.operations_setup import OPERATOR, OperationsSetup
from tests.subscriber import subscriber

SECRET = "whsec_" + "A" * 32


async def test_a_test_webhook_arrives_whatever_the_filter(world: OperationsSetup) -> None:
    async with subscriber(SECRET) as merchant:
        await world.add("shop", merchant.url, secret=SECRET, event_types=["payment.received"])
        async with world.forwarder():
            trial = await send_test(world.sessions, "shop", OPERATOR)
    assert trial.attempt
    assert ("delivered", "delivered", 200) == (
        trial.state,
        trial.attempt.outcome,
        trial.attempt.http_status,
    )
    assert [(str(trial.event_id), "webhook.test", {"subscriber": "shop"})] == [
        (webhook_id, event["type"], event["data"]) for webhook_id, event in merchant.received
    ]


async def test_a_failing_test_shows_the_answer(world: OperationsSetup) -> None:
    async with subscriber(SECRET) as merchant:
        await world.add("shop", merchant.url, secret=SECRET)
        merchant.status = 404
        async with world.forwarder():
            trial = await send_test(world.sessions, "shop", OPERATOR)
    assert trial.attempt
    assert ("http_4xx", 404) == (trial.attempt.outcome, trial.attempt.http_status)


async def test_without_a_worker_the_test_is_owed_and_says_that_none_tried(
    world: OperationsSetup,
) -> None:
    await world.add("shop")
    await world.add("other")
    trial = await send_test(world.sessions, "shop", OPERATOR, wait_seconds=0.15)
    assert ("pending", None) == (trial.state, trial.attempt)
    assert 1 == len(await world.rows("SELECT 1 FROM outbound_webhooks"))


async def test_a_paused_subscriber_is_not_tested(world: OperationsSetup) -> None:
    await world.add("shop")
    await pause_subscriber(world.sessions, "shop", None, OPERATOR)
    with pytest.raises(SubscriberPaused):
        await send_test(world.sessions, "shop", OPERATOR)
    assert [] == await world.rows("SELECT 1 FROM events")


async def test_an_unknown_subscriber_is_not_tested(world: OperationsSetup) -> None:
    with pytest.raises(SubscriberNotFound):
        await send_test(world.sessions, "shop", OPERATOR)
