"""One order at a time: later webhooks are held back and parked."""

from datetime import timedelta

from app.forwarding.outcome import OutcomeKind
from app.forwarding.queue.order_sequence import park
from tests.forwarding.delivery_setup import DeliverySetup
from tests.forwarding.queue.test_claims import HOLD, URL, events, put, result, take


async def test_a_later_event_of_an_order_waits_for_the_earlier(setup: DeliverySetup) -> None:
    await setup.subscriber(URL)
    first, second, other = (
        await setup.event("A", 1),
        await setup.event("A", 2),
        await setup.event("B", 7),
    )
    [a1, b7] = await take(setup)
    assert events([a1, b7]) == [first, other]
    assert await take(setup) == []  # in flight, not delivered yet
    await put(setup, result(a1, OutcomeKind.HTTP_5XX, timedelta(seconds=60)))
    assert await take(setup) == []  # pending a retry
    await setup.run("UPDATE outbound_webhooks SET due_at = now() WHERE event_id = :id", id=first)
    [again] = await take(setup)
    recorded = await put(setup, result(again))
    assert recorded.has_successor
    assert events(await take(setup)) == [second]


async def test_a_dead_event_holds_nothing_back(setup: DeliverySetup) -> None:
    await setup.subscriber(URL)
    await setup.event("A", 1)
    second = await setup.event("A", 2)
    [first] = await take(setup)
    await put(setup, result(first, OutcomeKind.HTTP_4XX))
    assert events(await take(setup)) == [second]


async def failed(setup: DeliverySetup, *, before: timedelta) -> None:
    """Claim everything and record failures, attempted `before` ago and due again in ten hours."""
    taken = await take(setup)
    await put(
        setup, *[result(webhook, OutcomeKind.HTTP_5XX, timedelta(hours=10)) for webhook in taken]
    )
    ids = [webhook.id for webhook in taken]
    await setup.run(
        "UPDATE attempts SET started_at = now() - CAST(:age AS interval) "
        "WHERE outbound_webhook_id = ANY (:ids)",
        age=before,
        ids=ids,
    )


async def test_a_later_event_waits_no_longer_than_the_hold(setup: DeliverySetup) -> None:
    await setup.subscriber(URL)
    await setup.event("A", 1, age=timedelta(minutes=62))
    second = await setup.event("A", 2)
    await failed(setup, before=timedelta(minutes=61))
    assert events(await take(setup)) == [second]


async def test_the_hold_is_counted_from_the_first_attempt(setup: DeliverySetup) -> None:
    await setup.subscriber(URL)
    first, second = [
        await setup.event("A", sequence, age=timedelta(hours=3)) for sequence in (1, 2)
    ]
    await failed(setup, before=timedelta(minutes=59))
    assert await take(setup) == []
    await setup.run("UPDATE outbound_webhooks SET due_at = now() WHERE event_id = :id", id=first)
    [again] = await take(setup)
    assert again.event_id == first
    await put(
        setup, result(again, OutcomeKind.HTTP_5XX, timedelta(hours=10))
    )  # the second attempt does not extend it
    await setup.run("UPDATE attempts SET started_at = started_at - interval '2 minutes'")
    assert events(await take(setup)) == [second]


async def test_a_webhook_without_an_attempt_is_not_overtaken_at_any_age(
    setup: DeliverySetup,
) -> None:
    await setup.subscriber(URL)
    found = [await setup.event("A", sequence, age=timedelta(days=2)) for sequence in (1, 2, 3)]
    for event in found:
        [webhook] = await take(setup)
        assert webhook.event_id == event
        await put(setup, result(webhook))


async def test_a_restarted_webhook_holds_back_again(setup: DeliverySetup) -> None:
    await setup.subscriber(URL)
    first, _ = [await setup.event("A", sequence, age=timedelta(days=2)) for sequence in (1, 2)]
    await failed(setup, before=timedelta(days=1))
    await setup.run(
        "UPDATE outbound_webhooks SET attempts = 0, due_at = now() WHERE event_id = :id", id=first
    )
    [restarted] = await take(setup)
    assert restarted.event_id == first
    await put(setup, result(restarted, OutcomeKind.HTTP_5XX, timedelta(0)))
    assert events(await take(setup)) == [first]


async def test_the_sequence_is_kept_for_each_subscriber_on_its_own(setup: DeliverySetup) -> None:
    slow, _ = await setup.subscriber(URL)
    quick, _ = await setup.subscriber(URL)
    first, second = await setup.event("A", 1), await setup.event("A", 2)
    await setup.run(
        "UPDATE outbound_webhooks SET state = 'delivered' "
        "WHERE event_id = :e AND subscriber_id = :s",
        e=first,
        s=quick,
    )
    assert {(w.event_id, w.target.subscriber_id) for w in await take(setup)} == {
        (first, slow),
        (second, quick),
    }


async def test_a_subscriber_can_opt_out_of_the_sequence(setup: DeliverySetup) -> None:
    await setup.subscriber(URL, ordered=False)
    first, second = await setup.event("A", 1), await setup.event("A", 2)
    assert events(await take(setup)) == [first, second]


async def test_events_without_an_order_never_wait(setup: DeliverySetup) -> None:
    await setup.subscriber(URL)
    found = [await setup.event() for _ in range(2)]
    await setup.run("UPDATE outbound_webhooks SET order_no = NULL, sequence = NULL")
    assert events(await take(setup)) == found


async def parked(setup: DeliverySetup) -> int:
    async with setup.sessions.begin() as session:
        return await park(session, order_hold=HOLD)


async def test_a_webhook_that_waits_for_a_retry_is_parked_and_made_due_early(
    setup: DeliverySetup,
) -> None:
    await setup.subscriber(URL)
    first, second = await setup.event("A", 1), await setup.event("A", 2)
    [webhook] = await take(setup)
    assert await parked(setup) == 0  # in flight, for a moment only
    await put(setup, result(webhook, OutcomeKind.HTTP_5XX, timedelta(minutes=5)))
    assert await parked(setup) == 1
    assert await parked(setup) == 0
    due = {
        row.event_id: row.due_at
        for row in await setup.rows("SELECT event_id, due_at FROM outbound_webhooks")
    }
    assert due[first] == due[second]
    await setup.run(
        "UPDATE outbound_webhooks SET due_at = now() WHERE event_id = :id", id=first
    )  # an operator retries it
    [again] = await take(setup)
    await put(setup, result(again))
    assert events(await take(setup)) == [second]


async def test_no_webhook_is_parked_beyond_the_hold(setup: DeliverySetup) -> None:
    await setup.subscriber(URL)
    await setup.event("A", 1, age=timedelta(hours=3))
    second = await setup.event("A", 2)
    await failed(setup, before=timedelta(minutes=59))
    assert await parked(setup) == 1
    [row] = await setup.rows(
        "SELECT due_at - now() < interval '61 s' AS soon FROM outbound_webhooks "
        "WHERE event_id = :id",
        id=second,
    )
    assert row.soon


async def test_a_webhooks_own_retry_is_not_made_due_early(setup: DeliverySetup) -> None:
    await setup.subscriber(URL)
    await setup.event("A", 1)
    second = await setup.event("A", 2)
    await setup.run(
        "UPDATE outbound_webhooks SET attempts = 3, due_at = now() + interval '2 hours' "
        "WHERE event_id = :id",
        id=second,
    )
    [webhook] = await take(setup)
    await put(setup, result(webhook))
    assert await take(setup) == []


async def test_webhooks_without_a_sequence_are_not_parked(setup: DeliverySetup) -> None:
    await setup.subscriber(URL, ordered=False)
    first = await setup.event("A", 1)
    await setup.event("A", 2)
    await setup.run(
        "UPDATE outbound_webhooks SET due_at = now() + interval '2 hours' WHERE event_id = :id",
        id=first,
    )
    assert await parked(setup) == 0
