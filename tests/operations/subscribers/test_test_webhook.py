"""Test webhooks: sent to the subscriber, with the result for the operator."""

import pytest

from app.operations.errors import SubscriberNotFound, SubscriberPaused
from app.operations.subscribers.pause import pause_subscriber
from app.operations.subscribers.test_webhook import send_test
from tests.operations.operations_setup import OPERATOR, OperationsSetup
from tests.subscriber import subscriber

SECRET = "whsec_" + "A" * 32


async def test_a_test_webhook_ignores_the_filter(setup: OperationsSetup) -> None:
    async with subscriber(SECRET) as merchant:
        await setup.add("shop", merchant.url, secret=SECRET, event_types=["payment.received"])
        async with setup.forwarder():
            result = await send_test(setup.sessions, "shop", OPERATOR)
    assert result.attempt
    assert ("delivered", "delivered", 200) == (
        result.state,
        result.attempt.outcome,
        result.attempt.http_status,
    )
    assert [(str(result.event_id), "webhook.test", {"subscriber": "shop"})] == [
        (webhook_id, event["type"], event["data"]) for webhook_id, event in merchant.received
    ]


async def test_a_failing_test_shows_the_answer(setup: OperationsSetup) -> None:
    async with subscriber(SECRET) as merchant:
        await setup.add("shop", merchant.url, secret=SECRET)
        merchant.status = 404
        async with setup.forwarder():
            result = await send_test(setup.sessions, "shop", OPERATOR)
    assert result.attempt
    assert ("http_4xx", 404) == (result.attempt.outcome, result.attempt.http_status)


async def test_without_a_worker_the_test_stays_pending_without_an_attempt(
    setup: OperationsSetup,
) -> None:
    await setup.add("shop")
    await setup.add("other")
    result = await send_test(setup.sessions, "shop", OPERATOR, wait_seconds=0.15)
    assert ("pending", None) == (result.state, result.attempt)
    assert 1 == len(await setup.rows("SELECT 1 FROM outbound_webhooks"))


async def test_a_paused_subscriber_gets_no_test(setup: OperationsSetup) -> None:
    await setup.add("shop")
    await pause_subscriber(setup.sessions, "shop", None, OPERATOR)
    with pytest.raises(SubscriberPaused):
        await send_test(setup.sessions, "shop", OPERATOR)
    assert [] == await setup.rows("SELECT 1 FROM events")


async def test_an_unknown_subscriber_gets_no_test(setup: OperationsSetup) -> None:
    with pytest.raises(SubscriberNotFound):
        await send_test(setup.sessions, "shop", OPERATOR)
