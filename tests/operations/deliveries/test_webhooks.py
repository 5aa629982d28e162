"""Outbound webhooks: lists, retries and recoveries."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from app.clock import now
from app.operations.deliveries.models import UNDELIVERED, WebhookState
from app.operations.deliveries.webhooks import list_outbound, retry_outbound, show_outbound
from app.operations.errors import NotAcceptable, NotRetriable, SubscriberNotFound, WebhookNotFound
from app.operations.pagination import Place
from app.operations.subscribers.recovery import RecoveryRequest, recover
from tests.forwarding.delivery_setup import until
from tests.operations.operations_setup import OPERATOR, OperationsSetup
from tests.subscriber import subscriber

SECRET = "whsec_" + "A" * 32
STATES = ("pending", "delivered", "dead", "cancelled")


async def _one_in_each_state(setup: OperationsSetup) -> dict[str, int]:
    """Enqueue four events for `shop`, each in another state. Return the ids by state."""
    await setup.add()
    for number in range(len(STATES)):
        await setup.judged("01", order_no=f"order-{number}")
    ids = [row.id for row in await setup.rows("SELECT id FROM outbound_webhooks ORDER BY id")]
    for webhook_id, state in zip(ids, STATES, strict=True):
        await setup.run(
            "UPDATE outbound_webhooks SET state = :state, attempts = 3, excused = 1, "
            "due_at = now() + interval '1 hour' WHERE id = :id",
            state=state,
            id=webhook_id,
        )
    return dict(zip(STATES, ids, strict=True))


async def _all(setup: OperationsSetup) -> list[tuple[int, str, int, int, bool]]:
    rows = await setup.rows(
        "SELECT id, state, attempts, excused, due_at <= now() AS due "
        "FROM outbound_webhooks ORDER BY id"
    )
    return [tuple(row) for row in rows]


def _request(**values: Any) -> RecoveryRequest:
    return RecoveryRequest.model_validate(
        {"subscriber": "shop", "since": now() - timedelta(hours=1), **values}
    )


async def test_webhooks_are_listed_by_state_and_subscriber(setup: OperationsSetup) -> None:
    ids = await _one_in_each_state(setup)
    await setup.add("other", event_types=["payment.received"])
    await setup.judged("04", order_no="order-0")

    async def listed(**values: Any) -> list[int]:
        return [
            webhook.id for webhook in (await list_outbound(setup.sessions, Place(), **values)).items
        ]

    assert [ids["dead"], ids["pending"]] == (await listed(states=UNDELIVERED, subscriber="shop"))[
        1:
    ]  # after the webhook of status 04
    assert [ids["delivered"]] == await listed(states=[WebhookState.DELIVERED])
    assert 5 == len(await listed(subscriber="shop"))
    (other,) = (await list_outbound(setup.sessions, Place(), subscriber="other")).items
    assert ("other", "payment.received", "order-0", "pending") == (
        other.subscriber,
        other.event_type,
        other.order_no,
        other.state,
    )
    assert [] == await listed(subscriber="nobody")


async def test_a_retried_webhook_is_due_now_with_no_attempts_counted(
    setup: OperationsSetup,
) -> None:
    ids = await _one_in_each_state(setup)
    for state in ("pending", "dead"):
        webhook = await retry_outbound(setup.sessions, ids[state], OPERATOR)
        assert ("pending", 0, 0, None) == (
            webhook.state,
            webhook.attempts,
            webhook.excused,
            webhook.finished_at,
        )
        assert webhook.due_at
        assert webhook.due_at <= now()


async def test_a_settled_webhook_is_not_retried(setup: OperationsSetup) -> None:
    ids = await _one_in_each_state(setup)
    before = await _all(setup)
    for state in ("delivered", "cancelled"):
        with pytest.raises(NotRetriable, match=state):
            await retry_outbound(setup.sessions, ids[state], OPERATOR)
    assert before == await _all(setup)


async def test_a_webhook_in_flight_is_not_retried(setup: OperationsSetup) -> None:
    ids = await _one_in_each_state(setup)
    await setup.run(
        "UPDATE outbound_webhooks SET lease_token = gen_random_uuid() WHERE id = :id",
        id=ids["pending"],
    )
    before = await _all(setup)
    with pytest.raises(NotRetriable, match="being sent"):
        await retry_outbound(setup.sessions, ids["pending"], OPERATOR)
    assert before == await _all(setup)
    assert 1 == (await recover(setup.sessions, _request(dry_run=True), OPERATOR)).webhooks
    assert (
        3
        == (
            await recover(setup.sessions, _request(everything=True, dry_run=True), OPERATOR)
        ).webhooks
    )
    assert 3 == (await recover(setup.sessions, _request(everything=True), OPERATOR)).webhooks
    await setup.work_off()
    assert before[0] == (await _all(setup))[0]


async def test_a_webhook_of_a_lost_worker_is_retried(setup: OperationsSetup) -> None:
    ids = await _one_in_each_state(setup)
    await setup.run(
        "UPDATE outbound_webhooks "
        "SET lease_token = gen_random_uuid(), due_at = now() - interval '1 s'"
    )
    assert 0 == (await retry_outbound(setup.sessions, ids["pending"], OPERATOR)).attempts


async def test_unknown_webhooks_and_subscribers_are_not_found(setup: OperationsSetup) -> None:
    with pytest.raises(WebhookNotFound):
        await retry_outbound(setup.sessions, 1, OPERATOR)
    with pytest.raises(WebhookNotFound):
        await show_outbound(setup.sessions, 1)
    with pytest.raises(SubscriberNotFound):
        await recover(setup.sessions, _request(), OPERATOR)


async def test_a_recovery_makes_undelivered_webhooks_due(setup: OperationsSetup) -> None:
    ids = await _one_in_each_state(setup)
    counted = await recover(setup.sessions, _request(dry_run=True), OPERATOR)
    assert ("shop", 2, True) == (counted.subscriber, counted.webhooks, counted.dry_run)
    assert [3, 3, 3, 3] == [attempts for _, _, attempts, _, _ in await _all(setup)]
    assert 2 == (await recover(setup.sessions, _request(), OPERATOR)).webhooks
    await setup.work_off()
    assert {
        (ids["pending"], "pending", 0, 0, True),
        (ids["delivered"], "delivered", 3, 1, False),
        (ids["dead"], "pending", 0, 0, True),
        (ids["cancelled"], "cancelled", 3, 1, False),
    } == set(await _all(setup))


async def test_recovering_everything_resends_delivered_webhooks_and_earlier_events(
    setup: OperationsSetup,
) -> None:
    await setup.judged("01", "04")  # before the subscriber exists
    await setup.add(event_types=["payment.received", "payment.confirmed"])
    await setup.judged("05")
    await setup.run(
        "UPDATE outbound_webhooks SET state = 'delivered', attempts = 1, finished_at = now()"
    )
    assert 0 == (await recover(setup.sessions, _request(dry_run=True), OPERATOR)).webhooks
    assert (
        2
        == (
            await recover(setup.sessions, _request(everything=True, dry_run=True), OPERATOR)
        ).webhooks
    )
    assert 1 == len(await _all(setup))
    assert 2 == (await recover(setup.sessions, _request(everything=True), OPERATOR)).webhooks
    await setup.work_off()
    rows = await setup.rows(
        "SELECT e.type, w.state, w.attempts, w.order_no = e.order_no AND w.sequence = e.sequence "
        "AS placed "
        "FROM outbound_webhooks w"
        " JOIN events e ON e.id = w.event_id ORDER BY e.id"
    )
    assert [
        ("payment.received", "pending", 0, True),
        ("payment.confirmed", "pending", 0, True),
    ] == [tuple(row) for row in rows]


async def test_a_recovery_is_limited_by_time_and_type(setup: OperationsSetup) -> None:
    await setup.add()
    await setup.judged("01", "04")
    await setup.run("UPDATE outbound_webhooks SET state = 'dead'")
    between = (
        await setup.rows(
            "SELECT max(created_at) AS moment FROM events WHERE type = 'payment.received'"
        )
    )[0].moment

    async def counted(**values: Any) -> int:
        return (await recover(setup.sessions, _request(dry_run=True, **values), OPERATOR)).webhooks

    assert 2 == await counted()
    assert 1 == await counted(since=between)
    assert 1 == await counted(until=between)
    assert 0 == await counted(until=now() - timedelta(hours=2))
    assert 1 == await counted(event_types=["order.accepted"])
    assert 2 == await counted(since="0001-01-01T00:00:00+14:00", until="9999-12-31T23:59:59-14:00")
    assert 0 == await counted(since="9999-12-31T23:59:59-14:00", until="0001-01-01T00:00:00+14:00")
    with pytest.raises(NotAcceptable):
        await counted(event_types=["no.such"])


async def test_test_webhooks_are_not_recovered(setup: OperationsSetup) -> None:
    await setup.add()
    await setup.event(type="webhook.test")
    assert 0 == (await recover(setup.sessions, _request(everything=True), OPERATOR)).webhooks
    await setup.work_off()


@pytest.mark.parametrize("act", ["retry", "recover"])
async def test_a_dead_webhook_arrives_after_a_retry(setup: OperationsSetup, act: str) -> None:
    async with subscriber(SECRET) as merchant:
        await setup.add("shop", merchant.url, secret=SECRET)
        merchant.status = 500
        await setup.judged("01")
        async with setup.forwarder():
            await until(_state_is(setup, "dead"))
            merchant.status = 200
            webhook_id = (await _all(setup))[0][0]
            if act == "retry":
                await retry_outbound(setup.sessions, webhook_id, OPERATOR)
            else:
                await recover(setup.sessions, _request(), OPERATOR)
            await merchant.wait_for(1)
            await until(_state_is(setup, "delivered"))
    shown = await show_outbound(setup.sessions, webhook_id)
    assert ["http_5xx", "http_5xx", "http_5xx", "delivered"] == [
        attempt.outcome for attempt in shown.history
    ]


def _state_is(setup: OperationsSetup, state: str) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return await setup.states() == [state]

    return holds


async def test_an_answer_is_shown_on_request_and_our_own_errors_always(
    setup: OperationsSetup,
) -> None:
    ids = await _one_in_each_state(setup)
    for status, excerpt in ((500, "Dear taro@example.com"), (None, "timed out")):
        await setup.run(
            "INSERT INTO attempts (outbound_webhook_id, number, started_at, duration_ms, outcome, "
            "http_status, excerpt)"
            " VALUES (:id, 1, now(), 1, 'x', :status, :excerpt)",
            id=ids["dead"],
            status=status,
            excerpt=excerpt,
        )
    hidden = await show_outbound(setup.sessions, ids["dead"])
    assert [None, "timed out"] == [attempt.excerpt for attempt in hidden.history]
    shown = await show_outbound(setup.sessions, ids["dead"], shown_to=OPERATOR)
    assert ["Dear taro@example.com", "timed out"] == [attempt.excerpt for attempt in shown.history]
