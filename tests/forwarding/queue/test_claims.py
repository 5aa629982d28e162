"""Claims and leases: the webhooks that a claim takes and leaves, renewal and release."""

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
from app.forwarding.webhook import ClaimedWebhook
from tests.forwarding.delivery_setup import DeliverySetup

URL = "https://shop.example/hooks"
LEASE = timedelta(seconds=60)
HOLD = timedelta(hours=1)


async def take(
    setup: DeliverySetup,
    limit: int = 100,
    busy: Sequence[Busy] = (),
    lease: timedelta = LEASE,
    *,
    capped: bool = False,
) -> list[ClaimedWebhook]:
    async with setup.sessions.begin() as session:
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


async def put(setup: DeliverySetup, *results: AttemptResult) -> Recorded:
    async with setup.sessions.begin() as session:
        return await record(session, results)


def events(webhooks: Sequence[ClaimedWebhook]) -> list[UUID]:
    return [webhook.event_id for webhook in webhooks]


async def test_a_claim_returns_everything_that_is_needed_to_send(setup: DeliverySetup) -> None:
    subscriber, secret = await setup.subscriber(URL, timeout_ms=2_500, max_in_flight=7)
    event = await setup.event("1234-56789-01234")
    [webhook] = await take(setup)
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
    assert [setup.vault.open(sealed) for sealed in target.sealed] == [secret]


async def test_only_a_subscriber_of_personal_data_gets_it(setup: DeliverySetup) -> None:
    await setup.subscriber(URL, customer=True)
    await setup.event()
    [webhook] = await take(setup)
    assert json.loads(webhook.customer or "") == {"name": "コンビニ　タロウ"}


async def test_expired_secrets_are_left_out_and_the_newest_comes_first(
    setup: DeliverySetup,
) -> None:
    subscriber, secret = await setup.subscriber(URL)
    for name, created, expires in (
        ("old", "-1 hour", "1 hour"),
        ("expired", "-2 hours", "-1 second"),
    ):
        await setup.run(
            "INSERT INTO subscriber_secrets (id, subscriber_id, sealed, created_at, expires_at) "
            "VALUES (:id, :subscriber, :sealed, now() + CAST(:created AS interval), "
            "now() + CAST(:expires AS interval))",
            id=uuid4(),
            subscriber=subscriber,
            sealed=setup.vault.seal(name),
            created=_interval(created),
            expires=_interval(expires),
        )
    await setup.event()
    [webhook] = await take(setup)
    assert [setup.vault.open(sealed) for sealed in webhook.target.sealed] == [secret, "old"]


def _interval(words: str) -> timedelta:
    number, unit = words.split()
    return int(number) * timedelta(**{unit.rstrip("s") + "s": 1})


async def test_a_claimed_webhook_is_not_claimed_again_until_its_lease_ends(
    setup: DeliverySetup,
) -> None:
    await setup.subscriber(URL)
    await setup.event()
    [first] = await take(setup, lease=timedelta(milliseconds=300))
    assert await take(setup) == []
    await asyncio.sleep(0.35)
    [second] = await take(setup)
    assert second.id == first.id
    assert second.lease_token != first.lease_token


async def test_a_lease_can_be_renewed_by_its_holder_only(setup: DeliverySetup) -> None:
    await setup.subscriber(URL)
    await setup.event()
    [stale] = await take(setup, lease=timedelta(0))
    [held] = await take(setup, lease=timedelta(milliseconds=200))
    async with setup.sessions.begin() as session:
        assert await renew(session, [stale], lease=LEASE) == 0
        assert await renew(session, [held], lease=LEASE) == 1
    await asyncio.sleep(0.25)
    assert await take(setup) == []


async def test_only_its_holder_can_release_a_webhook_which_is_due_immediately(
    setup: DeliverySetup,
) -> None:
    await setup.subscriber(URL)
    await setup.event()
    [stale] = await take(setup, lease=timedelta(0))
    [held] = await take(setup)
    async with setup.sessions.begin() as session:
        assert await release(session, [stale]) == 0
    assert await take(setup) == []
    async with setup.sessions.begin() as session:
        assert await release(session, [held]) == 1
    assert events(await take(setup)) == [held.event_id]


@pytest.mark.parametrize("state", ["paused", "removed"])
async def test_only_active_subscribers_get_webhooks(setup: DeliverySetup, state: str) -> None:
    subscriber, _ = await setup.subscriber(URL)
    await setup.event()
    await setup.run(
        "UPDATE subscribers SET state = :state WHERE id = :id", state=state, id=subscriber
    )
    assert await take(setup) == []
    assert await setup.states() == ["pending"]


async def test_the_limit_of_each_subscriber_is_kept(setup: DeliverySetup) -> None:
    small, _ = await setup.subscriber(URL, max_in_flight=2)
    large, _ = await setup.subscriber(URL, max_in_flight=5)
    for _ in range(8):
        await setup.event()

    async def taken(busy: Sequence[Busy]) -> tuple[int, int]:
        async with setup.sessions() as session:  # rolled back
            got = [
                w.target.subscriber_id
                for w in await claim(session, limit=100, busy=busy, lease=LEASE, order_hold=HOLD)
            ]
        return got.count(small), got.count(large)

    assert await taken([]) == (2, 5)
    assert await taken([Busy(small, 2, 100), Busy(large, 1, 100)]) == (0, 4)
    assert await taken([Busy(large, 0, 1)]) == (2, 1)
    assert await taken([Busy(small, 9, 1), Busy(large, 2, 3)]) == (0, 1)


async def test_under_a_low_limit_the_least_busy_subscriber_comes_first(
    setup: DeliverySetup,
) -> None:
    busy, _ = await setup.subscriber(URL)
    idle, _ = await setup.subscriber(URL)
    for _ in range(4):
        await setup.event()
    got = await take(setup, limit=4, busy=[Busy(busy, 3, 100)])
    assert {webhook.target.subscriber_id for webhook in got} == {idle}


async def test_the_oldest_due_webhook_comes_first(setup: DeliverySetup) -> None:
    await setup.subscriber(URL)
    first, second, third = [await setup.event() for _ in range(3)]
    await setup.run(
        "UPDATE outbound_webhooks SET due_at = now() - interval '1 hour' WHERE event_id = :id",
        id=third,
    )
    assert events(await take(setup, limit=1)) == [third]
    assert events(await take(setup, limit=2)) == [first, second]


async def test_two_concurrent_claims_share_and_neither_waits(setup: DeliverySetup) -> None:
    await setup.subscriber(URL, max_in_flight=100)
    for _ in range(20):
        await setup.event()
    async with setup.sessions() as one, setup.sessions() as other:
        first = await claim(one, limit=12, busy=[], lease=LEASE, order_hold=HOLD)
        async with asyncio.timeout(2):  # the first has not committed yet
            second = await claim(other, limit=12, busy=[], lease=LEASE, order_hold=HOLD)
        assert (len(first), len(second)) == (12, 8)
        assert not {w.id for w in first} & {w.id for w in second}


async def _two_kinds(
    setup: DeliverySetup, capped: int = 3, webhooks: int = 4
) -> tuple[set[UUID], UUID]:
    """Add capped subscribers and a good one, with pending webhooks for each."""
    dead = {(await setup.subscriber(URL))[0] for _ in range(capped)}
    good, _ = await setup.subscriber(URL)
    for _ in range(webhooks):
        await setup.event()
    await setup.run("UPDATE subscribers SET capped_at = now() WHERE id <> :good", good=good)
    return dead, good


async def test_other_claims_do_not_look_at_capped_subscribers(setup: DeliverySetup) -> None:
    _, good = await _two_kinds(setup)
    assert [good] * 4 == [webhook.target.subscriber_id for webhook in await take(setup)]


async def test_a_claim_for_the_capped_takes_one_each_the_longest_without_an_attempt_first(
    setup: DeliverySetup,
) -> None:
    dead, _ = await _two_kinds(setup)
    waiting = min(dead)
    await setup.run(
        "UPDATE subscribers SET capped_at = now() - interval '1 h' WHERE id = :id", id=waiting
    )
    [first] = await take(setup, limit=1, capped=True)
    assert (waiting, True) == (first.target.subscriber_id, first.target.capped)
    others = await take(setup, capped=True, busy=[Busy(waiting, 1, 100)])
    assert dead - {waiting} == {webhook.target.subscriber_id for webhook in others}
    assert 2 == len(others)


async def test_an_unproven_subscriber_gets_no_more_than_its_limit(setup: DeliverySetup) -> None:
    new, _ = await setup.subscriber(URL)
    failing, _ = await setup.subscriber(URL)
    proven, _ = await setup.subscriber(URL)
    await setup.run("UPDATE subscribers SET last_success_at = now() WHERE id <> :new", new=new)
    await setup.run("UPDATE subscribers SET failures = 1 WHERE id = :id", id=failing)
    for _ in range(5):
        await setup.event()
    async with setup.sessions.begin() as session:
        got = await claim(
            session, limit=100, busy=[], lease=LEASE, order_hold=HOLD, unproven_limit=2
        )
    taken = [webhook.target.subscriber_id for webhook in got]
    assert (2, 2, 5) == (taken.count(new), taken.count(failing), taken.count(proven))


async def test_a_subscriber_that_failed_last_ranks_behind_one_that_did_not(
    setup: DeliverySetup,
) -> None:
    failing, _ = await setup.subscriber(URL)
    good, _ = await setup.subscriber(URL)
    for _ in range(4):
        await setup.event()
    await setup.run("UPDATE subscribers SET failures = 1 WHERE id = :id", id=failing)
    got = await take(setup, limit=4, busy=[Busy(good, 3, 100)])
    assert {good} == {webhook.target.subscriber_id for webhook in got}
