"""Recording of results: each counts only while its lease is held."""

from datetime import timedelta

from app.forwarding.attempts.sql import Recorded
from app.forwarding.outcome import OutcomeKind
from tests.forwarding.delivery_setup import DeliverySetup
from tests.forwarding.queue.test_claims import URL, put, result, take


async def test_a_delivery_is_recorded_with_its_attempt(setup: DeliverySetup) -> None:
    await setup.subscriber(URL)
    await setup.event()
    [webhook] = await take(setup)
    recorded = await put(setup, result(webhook, excerpt="thank you"))
    assert recorded == Recorded(frozenset({webhook.id}))
    [row] = await setup.rows("SELECT *, finished_at <= now() AS finished FROM outbound_webhooks")
    state = (row.state, row.attempts, row.excused, row.lease_token, row.last_outcome, row.finished)
    assert state == ("delivered", 1, 0, None, "delivered", True)
    [attempt] = await setup.rows(
        "SELECT *, now() - started_at BETWEEN interval '0.2 s' AND interval '5 s' AS recent "
        "FROM attempts"
    )
    assert (attempt.number, attempt.outcome, attempt.http_status) == (1, "delivered", 200)
    assert (attempt.duration_ms, attempt.excerpt, attempt.recent) == (250, "thank you", True)


async def test_a_failure_is_recorded_with_its_next_due_time(setup: DeliverySetup) -> None:
    await setup.subscriber(URL)
    await setup.event()
    [webhook] = await take(setup)
    await put(setup, result(webhook, OutcomeKind.HTTP_5XX, timedelta(minutes=5)))
    [row] = await setup.rows(
        "SELECT *, due_at - now() BETWEEN interval '299 s' AND interval '300 s' AS later "
        "FROM outbound_webhooks"
    )
    assert (row.state, row.attempts, row.excused, row.lease_token, row.finished_at, row.later) == (
        "pending",
        1,
        0,
        None,
        None,
        True,
    )


async def test_a_failure_on_our_own_side_is_counted_apart(setup: DeliverySetup) -> None:
    await setup.subscriber(URL)
    await setup.event()
    numbers = []
    for kind in (OutcomeKind.OWN_SIDE, OutcomeKind.HTTP_5XX, OutcomeKind.OWN_SIDE):
        [webhook] = await take(setup)
        await put(setup, result(webhook, kind, timedelta(0)))
        numbers.append((webhook.attempts, webhook.excused))
    assert numbers == [(0, 0), (0, 1), (1, 1)]
    assert [row.number for row in await setup.rows("SELECT number FROM attempts ORDER BY id")] == [
        1,
        2,
        3,
    ]
    assert [
        tuple(row) for row in await setup.rows("SELECT attempts, excused FROM outbound_webhooks")
    ] == [(1, 2)]


async def test_a_result_whose_lease_was_taken_over_changes_nothing(setup: DeliverySetup) -> None:
    await setup.subscriber(URL)
    await setup.event()
    [old] = await take(setup, lease=timedelta(0))
    [new] = await take(setup)
    before = await setup.rows("SELECT * FROM outbound_webhooks")
    recorded = await put(setup, result(old, OutcomeKind.GONE))
    assert recorded == Recorded(frozenset())
    assert await setup.rows("SELECT * FROM outbound_webhooks") == before
    assert await setup.outcomes() == []
    assert [row.state for row in await setup.rows("SELECT state FROM subscribers")] == ["active"]
    assert (await put(setup, result(new))).webhook_ids == {new.id}


async def test_a_result_counts_once(setup: DeliverySetup) -> None:
    await setup.subscriber(URL)
    await setup.event()
    [webhook] = await take(setup)
    await put(setup, result(webhook, OutcomeKind.HTTP_5XX, timedelta(0)))
    assert (await put(setup, result(webhook))).webhook_ids == frozenset()
    assert await setup.outcomes() == ["http_5xx"]


async def test_a_cancelled_webhook_stays_cancelled(setup: DeliverySetup) -> None:
    await setup.subscriber(URL)
    await setup.event()
    [webhook] = await take(setup)
    await setup.run("UPDATE outbound_webhooks SET state = 'cancelled'")
    assert (await put(setup, result(webhook))).webhook_ids == frozenset()
    assert await setup.states() == ["cancelled"]


async def test_gone_kills_the_webhook_and_pauses_the_subscriber_with_its_backlog(
    setup: DeliverySetup,
) -> None:
    gone, _ = await setup.subscriber(URL)
    other, _ = await setup.subscriber(URL)
    first = await setup.event()
    await setup.event()
    mine = [w for w in await take(setup) if w.target.subscriber_id == gone]
    recorded = await put(setup, *[result(w, OutcomeKind.GONE, http_status=410) for w in mine[:1]])
    assert [
        (change.subscriber_id, change.event_type, change.reason) for change in recorded.changes
    ] == [(gone, "subscriber.paused", "gone")]
    assert [
        tuple(row)
        for row in await setup.rows("SELECT id, state, pause_reason FROM subscribers ORDER BY id")
    ] == [
        (gone, "paused", "gone"),
        (other, "active", None),
    ]
    states = {
        (row.event_id == first, row.state)
        for row in await setup.rows(
            "SELECT * FROM outbound_webhooks WHERE subscriber_id = :id", id=gone
        )
    }
    assert states == {(True, "dead"), (False, "pending")}


async def test_many_results_are_one_statement(setup: DeliverySetup) -> None:
    await setup.subscriber(URL, max_in_flight=100)
    for _ in range(30):
        await setup.event()
    taken = await take(setup)
    kinds = [OutcomeKind.DELIVERED, OutcomeKind.HTTP_5XX, OutcomeKind.TIMEOUT]
    await put(
        setup,
        *[
            result(w, kinds[n % 3], None if n % 3 == 0 else timedelta(seconds=9))
            for n, w in enumerate(taken)
        ],
    )
    assert sorted(await setup.states()) == ["delivered"] * 10 + ["pending"] * 20
    assert sorted(await setup.outcomes()) == sorted(["delivered", "http_5xx", "timeout"] * 10)
