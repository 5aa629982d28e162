"""What a claim takes and what it leaves, and that a result counts only while its lease is held."""

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.forwarding.attempts.sql import AttemptResult, Recorded, record
from app.forwarding.outcome import OutcomeKind
from app.forwarding.queue.claims import Busy, claim
from app.forwarding.queue.leases import release, renew
from app.forwarding.queue.order_sequence import park
from app.forwarding.webhook import ClaimedWebhook
from tests.forwarding.delivery_setup import DeliverySetup

URL = "https://shop.example/hooks"
LEASE = timedelta(seconds=60)
HOLD = timedelta(hours=1)


async def take(
    world: DeliverySetup,
    limit: int = 100,
    busy: Sequence[Busy] = (),
    lease: timedelta = LEASE,
    *,
    capped: bool = False,
) -> list[ClaimedWebhook]:
    async with world.sessions.begin() as session:
        return await claim(
            session, limit=limit, busy=busy, lease=lease, order_hold=HOLD, capped=capped
        )


def result(
    webhook: ClaimedWebhook,
    kind: OutcomeKind = OutcomeKind.DELIVERED,
    wait: timedelta | None = None,
    **values: Any,
) -> AttemptResult:
    state = "delivered" if kind is OutcomeKind.DELIVERED else "dead" if wait is None else "pending"
    defaults: dict[str, Any] = {
        "webhook_id": webhook.id,
        "lease_token": webhook.lease_token,
        "state": state,
        "wait": wait,
        "charged": kind.charged,
        "started": monotonic() - 0.25,
        "duration_ms": 250,
        "outcome": kind,
        "http_status": 200,
        "excerpt": "OK",
    }
    return AttemptResult(**{**defaults, **values})


async def put(world: DeliverySetup, *results: AttemptResult) -> Recorded:
    async with world.sessions.begin() as session:
        return await record(session, results)


def events(webhooks: Sequence[ClaimedWebhook]) -> list[UUID]:
    return [webhook.event_id for webhook in webhooks]


async def test_a_claim_brings_everything_that_is_needed_to_send(world: DeliverySetup) -> None:
    subscriber, secret = await world.subscriber(URL, timeout_ms=2_500, max_in_flight=7)
    event = await world.event("1234-56789-01234")
    [webhook] = await take(world)
    assert (webhook.event_id, webhook.event_type, webhook.attempts, webhook.excused) == (
        event,
        "payment.received",
        0,
        0,
    )
    assert '"1234-56789-01234"' in webhook.data
    assert webhook.customer is None
    target = webhook.target
    assert (target.subscriber_id, target.url, target.timeout_s, target.max_in_flight) == (
        subscriber,
        URL,
        2.5,
        7,
    )
    assert [world.vault.open(sealed) for sealed in target.sealed] == [secret]


async def test_personal_data_comes_only_for_a_subscriber_that_asked(world: DeliverySetup) -> None:
    await world.subscriber(URL, customer=True)
    await world.event()
    [webhook] = await take(world)
    assert json.loads(webhook.customer or "") == {"name": "コンビニ　タロウ"}


async def test_expired_secrets_stay_behind_and_the_newest_comes_first(world: DeliverySetup) -> None:
    subscriber, secret = await world.subscriber(URL)
    for name, created, expires in (
        ("old", "-1 hour", "1 hour"),
        ("expired", "-2 hours", "-1 second"),
    ):
        await world.run(
            "INSERT INTO subscriber_secrets (id, subscriber_id, sealed, created_at, expires_at) "
            "VALUES (:id, :subscriber, :sealed, now() + CAST(:created AS interval), now() + CAST(:expires AS interval))",
            id=uuid4(),
            subscriber=subscriber,
            sealed=world.vault.seal(name),
            created=_interval(created),
            expires=_interval(expires),
        )
    await world.event()
    [webhook] = await take(world)
    assert [world.vault.open(sealed) for sealed in webhook.target.sealed] == [secret, "old"]


def _interval(words: str) -> timedelta:
    number, unit = words.split()
    return int(number) * timedelta(**{unit.rstrip("s") + "s": 1})


async def test_what_is_claimed_is_not_claimed_again_until_its_lease_ends(
    world: DeliverySetup,
) -> None:
    await world.subscriber(URL)
    await world.event()
    [first] = await take(world, lease=timedelta(milliseconds=300))
    assert await take(world) == []
    await asyncio.sleep(0.35)
    [second] = await take(world)
    assert second.id == first.id
    assert second.lease_token != first.lease_token


async def test_a_lease_can_be_renewed_by_its_holder_only(world: DeliverySetup) -> None:
    await world.subscriber(URL)
    await world.event()
    [stale] = await take(world, lease=timedelta(0))
    [held] = await take(world, lease=timedelta(milliseconds=200))
    async with world.sessions.begin() as session:
        assert await renew(session, [stale], lease=LEASE) == 0
        assert await renew(session, [held], lease=LEASE) == 1
    await asyncio.sleep(0.25)
    assert await take(world) == []


async def test_a_released_webhook_is_due_at_once_and_only_its_holder_can_release_it(
    world: DeliverySetup,
) -> None:
    await world.subscriber(URL)
    await world.event()
    [stale] = await take(world, lease=timedelta(0))
    [held] = await take(world)
    async with world.sessions.begin() as session:
        assert await release(session, [stale]) == 0
    assert await take(world) == []
    async with world.sessions.begin() as session:
        assert await release(session, [held]) == 1
    assert events(await take(world)) == [held.event_id]


@pytest.mark.parametrize("state", ["paused", "removed"])
async def test_only_active_subscribers_are_looked_at(world: DeliverySetup, state: str) -> None:
    subscriber, _ = await world.subscriber(URL)
    await world.event()
    await world.run(
        "UPDATE subscribers SET state = :state WHERE id = :id", state=state, id=subscriber
    )
    assert await take(world) == []
    assert await world.states() == ["pending"]


async def test_the_room_of_each_subscriber_is_kept(world: DeliverySetup) -> None:
    small, _ = await world.subscriber(URL, max_in_flight=2)
    large, _ = await world.subscriber(URL, max_in_flight=5)
    for _ in range(8):
        await world.event()

    async def taken(busy: Sequence[Busy]) -> tuple[int, int]:
        async with world.sessions() as session:  # rolled back
            got = [
                w.target.subscriber_id
                for w in await claim(session, limit=100, busy=busy, lease=LEASE, order_hold=HOLD)
            ]
        return got.count(small), got.count(large)

    assert await taken([]) == (2, 5)
    assert await taken([Busy(small, 2, 100), Busy(large, 1, 100)]) == (0, 4)
    assert await taken([Busy(large, 0, 1)]) == (2, 1)
    assert await taken([Busy(small, 9, 1), Busy(large, 2, 3)]) == (0, 1)


async def test_with_too_little_room_the_least_busy_subscriber_goes_first(
    world: DeliverySetup,
) -> None:
    busy, _ = await world.subscriber(URL)
    idle, _ = await world.subscriber(URL)
    for _ in range(4):
        await world.event()
    got = await take(world, limit=4, busy=[Busy(busy, 3, 100)])
    assert {webhook.target.subscriber_id for webhook in got} == {idle}


async def test_the_oldest_due_goes_first(world: DeliverySetup) -> None:
    await world.subscriber(URL)
    first, second, third = [await world.event() for _ in range(3)]
    await world.run(
        "UPDATE outbound_webhooks SET due_at = now() - interval '1 hour' WHERE event_id = :id",
        id=third,
    )
    assert events(await take(world, limit=1)) == [third]
    assert events(await take(world, limit=2)) == [first, second]


async def test_a_later_event_of_an_order_waits_for_the_earlier(world: DeliverySetup) -> None:
    await world.subscriber(URL)
    first, second, other = (
        await world.event("A", 1),
        await world.event("A", 2),
        await world.event("B", 7),
    )
    [a1, b7] = await take(world)
    assert events([a1, b7]) == [first, other]
    assert await take(world) == []  # under way is not yet delivered
    await put(world, result(a1, OutcomeKind.HTTP_5XX, timedelta(seconds=60)))
    assert await take(world) == []  # to be tried again
    await world.run("UPDATE outbound_webhooks SET due_at = now() WHERE event_id = :id", id=first)
    [again] = await take(world)
    recorded = await put(world, result(again))
    assert recorded.has_successor
    assert events(await take(world)) == [second]


async def test_a_dead_event_is_waited_for_no_longer(world: DeliverySetup) -> None:
    await world.subscriber(URL)
    await world.event("A", 1)
    second = await world.event("A", 2)
    [first] = await take(world)
    await put(world, result(first, OutcomeKind.HTTP_4XX))
    assert events(await take(world)) == [second]


async def failed(world: DeliverySetup, *, before: timedelta) -> None:
    """Take what can be taken, have it fail as if it had been tried `before`, and be due again in ten hours."""
    taken = await take(world)
    await put(
        world, *[result(webhook, OutcomeKind.HTTP_5XX, timedelta(hours=10)) for webhook in taken]
    )
    ids = [webhook.id for webhook in taken]
    await world.run(
        "UPDATE attempts SET started_at = now() - CAST(:age AS interval) WHERE outbound_webhook_id = ANY (:ids)",
        age=before,
        ids=ids,
    )


async def test_a_later_event_waits_no_longer_than_the_hold(world: DeliverySetup) -> None:
    await world.subscriber(URL)
    await world.event("A", 1, age=timedelta(minutes=62))
    second = await world.event("A", 2)
    await failed(world, before=timedelta(minutes=61))
    assert events(await take(world)) == [second]


async def test_the_hold_is_counted_from_the_first_attempt(world: DeliverySetup) -> None:
    await world.subscriber(URL)
    first, second = [
        await world.event("A", sequence, age=timedelta(hours=3)) for sequence in (1, 2)
    ]
    await failed(world, before=timedelta(minutes=59))
    assert await take(world) == []
    await world.run("UPDATE outbound_webhooks SET due_at = now() WHERE event_id = :id", id=first)
    [again] = await take(world)
    assert again.event_id == first
    await put(
        world, result(again, OutcomeKind.HTTP_5XX, timedelta(hours=10))
    )  # the second attempt does not lengthen it
    await world.run("UPDATE attempts SET started_at = started_at - interval '2 minutes'")
    assert events(await take(world)) == [second]


async def test_what_no_worker_has_tried_is_not_overtaken_however_old_it_is(
    world: DeliverySetup,
) -> None:
    await world.subscriber(URL)
    found = [await world.event("A", sequence, age=timedelta(days=2)) for sequence in (1, 2, 3)]
    for event in found:
        [webhook] = await take(world)
        assert webhook.event_id == event
        await put(world, result(webhook))


async def test_what_is_tried_afresh_holds_back_afresh(world: DeliverySetup) -> None:
    await world.subscriber(URL)
    first, _ = [await world.event("A", sequence, age=timedelta(days=2)) for sequence in (1, 2)]
    await failed(world, before=timedelta(days=1))
    await world.run(
        "UPDATE outbound_webhooks SET attempts = 0, due_at = now() WHERE event_id = :id", id=first
    )
    [afresh] = await take(world)
    assert afresh.event_id == first
    await put(world, result(afresh, OutcomeKind.HTTP_5XX, timedelta(0)))
    assert events(await take(world)) == [first]


async def test_order_is_kept_for_each_subscriber_on_its_own(world: DeliverySetup) -> None:
    slow, _ = await world.subscriber(URL)
    quick, _ = await world.subscriber(URL)
    first, second = await world.event("A", 1), await world.event("A", 2)
    await world.run(
        "UPDATE outbound_webhooks SET state = 'delivered' WHERE event_id = :e AND subscriber_id = :s",
        e=first,
        s=quick,
    )
    assert {(w.event_id, w.target.subscriber_id) for w in await take(world)} == {
        (first, slow),
        (second, quick),
    }


async def test_a_subscriber_can_do_without_order(world: DeliverySetup) -> None:
    await world.subscriber(URL, ordered=False)
    first, second = await world.event("A", 1), await world.event("A", 2)
    assert events(await take(world)) == [first, second]


async def test_events_without_an_order_never_wait(world: DeliverySetup) -> None:
    await world.subscriber(URL)
    found = [await world.event() for _ in range(2)]
    await world.run("UPDATE outbound_webhooks SET order_no = NULL, sequence = NULL")
    assert events(await take(world)) == found


async def test_two_claims_at_once_share_and_neither_waits(world: DeliverySetup) -> None:
    await world.subscriber(URL, max_in_flight=100)
    for _ in range(20):
        await world.event()
    async with world.sessions() as one, world.sessions() as other:
        first = await claim(one, limit=12, busy=[], lease=LEASE, order_hold=HOLD)
        async with asyncio.timeout(2):  # the first has not committed yet
            second = await claim(other, limit=12, busy=[], lease=LEASE, order_hold=HOLD)
        assert (len(first), len(second)) == (12, 8)
        assert not {w.id for w in first} & {w.id for w in second}


async def test_a_delivery_is_recorded_with_its_attempt(world: DeliverySetup) -> None:
    await world.subscriber(URL)
    await world.event()
    [webhook] = await take(world)
    recorded = await put(world, result(webhook, excerpt="thank you"))
    assert recorded == Recorded(frozenset({webhook.id}))
    [row] = await world.rows("SELECT *, finished_at <= now() AS finished FROM outbound_webhooks")
    assert (row.state, row.attempts, row.excused, row.lease_token, row.last_outcome, row.finished) == (
        "delivered", 1, 0, None, "delivered", True,
    )  # fmt: skip
    [attempt] = await world.rows(
        "SELECT *, now() - started_at BETWEEN interval '0.2 s' AND interval '5 s' AS recent FROM attempts"
    )
    assert (attempt.number, attempt.outcome, attempt.http_status, attempt.duration_ms, attempt.excerpt, attempt.recent) == (
        1, "delivered", 200, 250, "thank you", True,
    )  # fmt: skip


async def test_a_failure_is_recorded_with_its_next_due_time(world: DeliverySetup) -> None:
    await world.subscriber(URL)
    await world.event()
    [webhook] = await take(world)
    await put(world, result(webhook, OutcomeKind.HTTP_5XX, timedelta(minutes=5)))
    [row] = await world.rows(
        "SELECT *, due_at - now() BETWEEN interval '299 s' AND interval '300 s' AS later FROM outbound_webhooks"
    )
    assert (row.state, row.attempts, row.excused, row.lease_token, row.finished_at, row.later) == (
        "pending",
        1,
        0,
        None,
        None,
        True,
    )


async def test_a_failure_of_our_own_is_counted_apart(world: DeliverySetup) -> None:
    await world.subscriber(URL)
    await world.event()
    numbers = []
    for kind in (OutcomeKind.OWN_SIDE, OutcomeKind.HTTP_5XX, OutcomeKind.OWN_SIDE):
        [webhook] = await take(world)
        await put(world, result(webhook, kind, timedelta(0)))
        numbers.append((webhook.attempts, webhook.excused))
    assert numbers == [(0, 0), (0, 1), (1, 1)]
    assert [row.number for row in await world.rows("SELECT number FROM attempts ORDER BY id")] == [
        1,
        2,
        3,
    ]
    assert [
        tuple(row) for row in await world.rows("SELECT attempts, excused FROM outbound_webhooks")
    ] == [(1, 2)]


async def test_a_result_whose_lease_was_taken_over_changes_nothing(world: DeliverySetup) -> None:
    await world.subscriber(URL)
    await world.event()
    [old] = await take(world, lease=timedelta(0))
    [new] = await take(world)
    before = await world.rows("SELECT * FROM outbound_webhooks")
    recorded = await put(world, result(old, OutcomeKind.GONE))
    assert recorded == Recorded(frozenset())
    assert await world.rows("SELECT * FROM outbound_webhooks") == before
    assert await world.outcomes() == []
    assert [row.state for row in await world.rows("SELECT state FROM subscribers")] == ["active"]
    assert (await put(world, result(new))).webhook_ids == {new.id}


async def test_a_result_counts_once(world: DeliverySetup) -> None:
    await world.subscriber(URL)
    await world.event()
    [webhook] = await take(world)
    await put(world, result(webhook, OutcomeKind.HTTP_5XX, timedelta(0)))
    assert (await put(world, result(webhook))).webhook_ids == frozenset()
    assert await world.outcomes() == ["http_5xx"]


async def test_a_cancelled_webhook_stays_cancelled(world: DeliverySetup) -> None:
    await world.subscriber(URL)
    await world.event()
    [webhook] = await take(world)
    await world.run("UPDATE outbound_webhooks SET state = 'cancelled'")
    assert (await put(world, result(webhook))).webhook_ids == frozenset()
    assert await world.states() == ["cancelled"]


async def test_gone_is_dead_and_pauses_the_subscriber_with_everything_else_it_is_owed(
    world: DeliverySetup,
) -> None:
    gone, _ = await world.subscriber(URL)
    other, _ = await world.subscriber(URL)
    first = await world.event()
    await world.event()
    mine = [w for w in await take(world) if w.target.subscriber_id == gone]
    recorded = await put(world, *[result(w, OutcomeKind.GONE, http_status=410) for w in mine[:1]])
    assert [
        (change.subscriber_id, change.event_type, change.reason) for change in recorded.changes
    ] == [(gone, "subscriber.paused", "gone")]
    assert [
        tuple(row)
        for row in await world.rows("SELECT id, state, pause_reason FROM subscribers ORDER BY id")
    ] == [
        (gone, "paused", "gone"),
        (other, "active", None),
    ]
    states = {
        (row.event_id == first, row.state)
        for row in await world.rows(
            "SELECT * FROM outbound_webhooks WHERE subscriber_id = :id", id=gone
        )
    }
    assert states == {(True, "dead"), (False, "pending")}


async def test_many_results_are_one_statement(world: DeliverySetup) -> None:
    await world.subscriber(URL, max_in_flight=100)
    for _ in range(30):
        await world.event()
    taken = await take(world)
    kinds = [OutcomeKind.DELIVERED, OutcomeKind.HTTP_5XX, OutcomeKind.TIMEOUT]
    await put(
        world,
        *[
            result(w, kinds[n % 3], None if n % 3 == 0 else timedelta(seconds=9))
            for n, w in enumerate(taken)
        ],
    )
    assert sorted(await world.states()) == ["delivered"] * 10 + ["pending"] * 20
    assert sorted(await world.outcomes()) == sorted(["delivered", "http_5xx", "timeout"] * 10)


async def parked(world: DeliverySetup) -> int:
    async with world.sessions.begin() as session:
        return await park(session, order_hold=HOLD)


async def test_who_waits_for_a_retry_is_parked_until_then_and_woken_before(
    world: DeliverySetup,
) -> None:
    await world.subscriber(URL)
    first, second = await world.event("A", 1), await world.event("A", 2)
    [webhook] = await take(world)
    assert await parked(world) == 0  # under way: that takes a moment only
    await put(world, result(webhook, OutcomeKind.HTTP_5XX, timedelta(minutes=5)))
    assert await parked(world) == 1
    assert await parked(world) == 0
    due = {
        row.event_id: row.due_at
        for row in await world.rows("SELECT event_id, due_at FROM outbound_webhooks")
    }
    assert due[first] == due[second]
    await world.run(
        "UPDATE outbound_webhooks SET due_at = now() WHERE event_id = :id", id=first
    )  # an operator is impatient
    [again] = await take(world)
    await put(world, result(again))
    assert events(await take(world)) == [second]


async def test_nobody_is_parked_beyond_the_hold(world: DeliverySetup) -> None:
    await world.subscriber(URL)
    await world.event("A", 1, age=timedelta(hours=3))
    second = await world.event("A", 2)
    await failed(world, before=timedelta(minutes=59))
    assert await parked(world) == 1
    [row] = await world.rows(
        "SELECT due_at - now() < interval '61 s' AS soon FROM outbound_webhooks WHERE event_id = :id",
        id=second,
    )
    assert row.soon


async def test_a_retry_of_its_own_is_not_brought_forward(world: DeliverySetup) -> None:
    await world.subscriber(URL)
    await world.event("A", 1)
    second = await world.event("A", 2)
    await world.run(
        "UPDATE outbound_webhooks SET attempts = 3, due_at = now() + interval '2 hours' WHERE event_id = :id",
        id=second,
    )
    [webhook] = await take(world)
    await put(world, result(webhook))
    assert await take(world) == []


async def test_who_needs_no_order_is_not_parked(world: DeliverySetup) -> None:
    await world.subscriber(URL, ordered=False)
    first = await world.event("A", 1)
    await world.event("A", 2)
    await world.run(
        "UPDATE outbound_webhooks SET due_at = now() + interval '2 hours' WHERE event_id = :id",
        id=first,
    )
    assert await parked(world) == 0


async def _two_kinds(
    world: DeliverySetup, capped: int = 3, webhooks: int = 4
) -> tuple[set[UUID], UUID]:
    """Capped subscribers and a good one, each owed some webhooks."""
    dead = {(await world.subscriber(URL))[0] for _ in range(capped)}
    good, _ = await world.subscriber(URL)
    for _ in range(webhooks):
        await world.event()
    await world.run("UPDATE subscribers SET capped_at = now() WHERE id <> :good", good=good)
    return dead, good


async def test_usual_claims_do_not_look_at_capped_subscribers(world: DeliverySetup) -> None:
    _, good = await _two_kinds(world)
    assert [good] * 4 == [webhook.target.subscriber_id for webhook in await take(world)]


async def test_a_claim_for_the_capped_takes_one_of_each_the_longest_untried_first(
    world: DeliverySetup,
) -> None:
    dead, _ = await _two_kinds(world)
    waiting = min(dead)
    await world.run(
        "UPDATE subscribers SET capped_at = now() - interval '1 h' WHERE id = :id", id=waiting
    )
    [first] = await take(world, limit=1, capped=True)
    assert (waiting, True) == (first.target.subscriber_id, first.target.capped)
    others = await take(world, capped=True, busy=[Busy(waiting, 1, 100)])
    assert dead - {waiting} == {webhook.target.subscriber_id for webhook in others}
    assert 2 == len(others)


async def test_what_is_unproven_gets_no_more_than_it_may(world: DeliverySetup) -> None:
    new, _ = await world.subscriber(URL)
    failing, _ = await world.subscriber(URL)
    proven, _ = await world.subscriber(URL)
    await world.run("UPDATE subscribers SET last_success_at = now() WHERE id <> :new", new=new)
    await world.run("UPDATE subscribers SET failures = 1 WHERE id = :id", id=failing)
    for _ in range(5):
        await world.event()
    async with world.sessions.begin() as session:
        got = await claim(
            session, limit=100, busy=[], lease=LEASE, order_hold=HOLD, unproven_limit=2
        )
    taken = [webhook.target.subscriber_id for webhook in got]
    assert (2, 2, 5) == (taken.count(new), taken.count(failing), taken.count(proven))


async def test_one_that_failed_last_comes_behind_one_that_did_not(world: DeliverySetup) -> None:
    failing, _ = await world.subscriber(URL)
    good, _ = await world.subscriber(URL)
    for _ in range(4):
        await world.event()
    await world.run("UPDATE subscribers SET failures = 1 WHERE id = :id", id=failing)
    got = await take(world, limit=4, busy=[Busy(good, 3, 100)])
    assert {good} == {webhook.target.subscriber_id for webhook in got}
