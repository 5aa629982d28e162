"""Order history: state, calls, events, webhooks and attempts of one order."""

import pytest

from app.operations.errors import EventNotFound, OrderNotFound
from app.operations.orders.events import show_event
from app.operations.orders.history import show_order
from app.zeus.wire import encode
from tests.forwarding.delivery_setup import until
from tests.operations.operations_setup import (
    CALL_VALUES,
    EMAIL,
    NAME,
    OPERATOR,
    ORDER_NO,
    PERSONAL,
    TELNO,
    OperationsSetup,
)
from tests.subscriber import subscriber


async def test_an_order_shows_its_state_and_its_history(setup: OperationsSetup) -> None:
    await setup.judged("01", "04", "04")
    history = await show_order(setup.sessions, ORDER_NO)
    order = history.order
    assert order
    assert ("paid", "04", "入金済", True, False, 5400) == (
        order.state,
        order.status,
        order.status_name,
        order.payable,
        order.final,
        order.money,
    )
    assert order.store
    assert ("D001", "セブン-イレブン") == (order.store.code, order.store.name)
    assert [("払込票番号", "1234567890123")] == [
        (number.label, number.value) for number in order.payment_numbers
    ]
    assert "2026-12-31" == order.payment_deadline
    assert [("01", "accepted"), ("04", "accepted"), ("04", "duplicate")] == [
        (notice.status, notice.verdict) for notice in history.notices
    ]
    assert [(1, "order.accepted"), (2, "payment.received")] == [
        (event.sequence, event.type) for event in history.events
    ]


async def test_an_order_shows_its_webhooks_and_attempts(setup: OperationsSetup) -> None:
    secret = "whsec_" + "A" * 32
    async with subscriber(secret) as merchant:
        await setup.add("shop", merchant.url, secret=secret)
        merchant.status = 503
        await setup.judged("01")
        async with setup.forwarder():

            async def dead() -> bool:
                return await setup.states() == ["dead"]

            await until(dead)
    (webhook,) = (await show_order(setup.sessions, ORDER_NO)).outbound_webhooks
    assert ("shop", "order.accepted", "dead", 3, None) == (
        webhook.subscriber,
        webhook.event_type,
        webhook.state,
        webhook.attempts,
        webhook.due_at,
    )
    assert [(1, "http_5xx", 503), (2, "http_5xx", 503), (3, "http_5xx", 503)] == [
        (attempt.number, attempt.outcome, attempt.http_status) for attempt in webhook.history
    ]


async def test_the_customer_is_masked_unless_requested(setup: OperationsSetup) -> None:
    await setup.judged("01", "04")
    masked = await show_order(setup.sessions, ORDER_NO)
    assert {"name": "***", "telno": "***", "email": "***"} == masked.customer
    assert [] == [secret for secret in PERSONAL if secret in masked.model_dump_json()]
    shown = await show_order(setup.sessions, ORDER_NO, shown_to=OPERATOR)
    assert (
        {"name": NAME, "telno": TELNO, "email": EMAIL} == shown.customer == shown.events[0].customer
    )


async def test_an_order_without_personal_parameters_has_no_customer_to_hide(
    setup: OperationsSetup,
) -> None:
    await setup.raw_call(encode({name: CALL_VALUES[name] for name in ("order_no", "status")}))
    await setup.judge()
    history = await show_order(setup.sessions, ORDER_NO)
    assert {"name": None, "telno": None, "email": None} == history.customer
    assert history.order
    assert (None, None, [], None) == (
        history.order.money,
        history.order.store,
        history.order.payment_numbers,
        history.order.payment_deadline,
    )


async def test_an_order_of_an_unknown_store_shows_its_code_and_zeus_names_of_the_numbers(
    setup: OperationsSetup,
) -> None:
    await setup.judged("01", pay_cvs="D999", pay_no2="77")
    order = (await show_order(setup.sessions, ORDER_NO)).order
    assert order
    assert order.store
    assert ("D999", None) == (order.store.code, order.store.name)
    assert ["払込用番号1", "払込用番号2"] == [number.label for number in order.payment_numbers]


async def test_an_order_known_only_from_quarantine_shows_its_calls(setup: OperationsSetup) -> None:
    await setup.call("04", clientip="2012999999")
    await setup.judge("2012000001")
    history = await show_order(setup.sessions, ORDER_NO)
    assert (None, ["quarantined"], []) == (
        history.order,
        [notice.verdict for notice in history.notices],
        history.events,
    )


async def test_an_unknown_order_is_not_found(setup: OperationsSetup) -> None:
    await setup.judged("01")
    with pytest.raises(OrderNotFound):
        await show_order(setup.sessions, "unknown")


async def test_one_event_is_shown_as_subscribers_get_it(setup: OperationsSetup) -> None:
    (notice_id,) = await setup.judged("04")
    event_id = (await setup.rows("SELECT id FROM events"))[0].id
    event = await show_event(setup.sessions, event_id)
    assert ("payment.received", notice_id, 5400) == (
        event.type,
        event.notice_id,
        event.data["money"],
    )
    assert {"name": "***", "telno": "***", "email": "***"} == event.customer
    with pytest.raises(EventNotFound):
        await show_event(setup.sessions, notice_id)
