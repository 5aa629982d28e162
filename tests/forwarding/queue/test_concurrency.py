"""Concurrency limits of each subscriber, and when a claim is worth repeating."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.clock import uuid7
from app.forwarding.outcome import OutcomeKind
from app.forwarding.queue.concurrency import ConcurrencyLimits
from app.forwarding.queue.subscriber_limits import ends_ahead, retry_share
from app.forwarding.webhook import ClaimedWebhook, DeliveryTarget

K = OutcomeKind


def target(max_in_flight: int = 4) -> DeliveryTarget:
    return DeliveryTarget(uuid7(), "https://shop.example/hooks", None, max_in_flight, ())


def webhooks(to: DeliveryTarget, count: int) -> list[ClaimedWebhook]:
    moment = datetime.now(UTC)
    return [
        ClaimedWebhook(n, uuid7(), 0, 0, uuid7(), "payment.received", moment, "{}", None, to)
        for n in range(count)
    ]


def one(to: DeliveryTarget) -> ClaimedWebhook:
    return webhooks(to, 1)[0]


def retries(to: DeliveryTarget, count: int) -> list[ClaimedWebhook]:
    return [replace(webhook, attempts=1) for webhook in webhooks(to, count)]


def offered(limits: ConcurrencyLimits) -> list[tuple[int, int]]:
    return [(busy.in_flight, min(busy.allowed, 1_000)) for busy in limits.offer()]


def test_webhooks_in_flight_use_slots_until_they_end() -> None:
    limits, shop = ConcurrencyLimits(10), target()
    assert limits.offer() == []
    limits.add(webhooks(shop, 3))
    assert (limits.free, offered(limits)) == (7, [(3, 1_000)])
    for _ in range(3):
        limits.remove(one(shop), K.DELIVERED)
    assert (limits.free, offered(limits), limits.in_flight) == (10, [], 0)


def test_a_slot_is_worth_a_claim_when_the_claim_used_the_whole_offer() -> None:
    limits, shop = ConcurrencyLimits(10), target(4)
    limits.offer()
    assert not limits.add(webhooks(shop, 4))
    assert limits.remove(one(shop), K.DELIVERED)


def test_a_slot_is_not_worth_a_claim_when_the_claim_left_slots() -> None:
    limits, shop = ConcurrencyLimits(10), target(4)
    limits.offer()
    assert not limits.add(webhooks(shop, 3))
    assert not limits.remove(one(shop), K.DELIVERED)


def test_a_slot_is_worth_a_claim_when_all_are_taken() -> None:
    limits, shop = ConcurrencyLimits(2), target(4)
    limits.offer()
    limits.add(webhooks(shop, 2))
    assert limits.remove(one(shop), K.DELIVERED)


def test_slots_that_came_free_during_a_claim_are_used_immediately() -> None:
    limits, shop = ConcurrencyLimits(10), target(4)
    limits.offer()
    limits.add(webhooks(shop, 3))
    limits.offer()  # one slot is offered ...
    for _ in range(3):
        limits.remove(one(shop), K.DELIVERED)
    assert limits.add(webhooks(shop, 1))  # ... and used, while three more came free


def test_timeouts_halve_the_limit_down_to_one_and_successes_restore_it() -> None:
    limits, shop = ConcurrencyLimits(100), target(8)
    limits.offer()
    limits.add(webhooks(shop, 8))
    allowed = []
    for _ in range(4):
        limits.remove(one(shop), K.TIMEOUT)
        allowed.append(limits.offer()[0].allowed)
    assert allowed == [4, 2, 1, 1]
    for _ in range(4):
        limits.remove(one(shop), K.DELIVERED)
    assert offered(limits) == [(0, 5)]
    limits.add(webhooks(shop, 4))
    for _ in range(4):
        limits.remove(one(shop), K.DELIVERED)
    assert offered(limits) == []  # as at the beginning


def test_a_quick_failure_changes_no_limit() -> None:
    limits, shop = ConcurrencyLimits(10), target(4)
    limits.offer()
    limits.add(webhooks(shop, 4))
    for kind in (K.HTTP_5XX, K.REFUSED, K.OWN_SIDE, None):
        limits.remove(one(shop), kind)
    assert offered(limits) == []


def test_a_subscriber_that_is_gone_gets_nothing_until_that_is_recorded() -> None:
    limits, shop = ConcurrencyLimits(10), target(4)
    limits.offer()
    limits.add(webhooks(shop, 3))
    limits.remove(one(shop), K.GONE)
    limits.remove(one(shop), K.DELIVERED)  # it was in flight before
    assert offered(limits) == [(1, 0)]
    limits.reopen()
    assert offered(limits) == [(1, 1_000)]


def test_a_quarter_of_all_slots_is_kept_for_first_attempts() -> None:
    limits, shop = ConcurrencyLimits(8), target(100)
    assert limits.free_for_retries == 6
    limits.offer()
    limits.add(retries(shop, 6))
    assert (limits.free, limits.free_for_retries) == (2, 0)
    assert [busy.retries for busy in limits.offer()] == [6]
    assert limits.remove(retries(shop, 1)[0], K.HTTP_5XX)  # others may wait for this slot
    assert (limits.free, limits.free_for_retries) == (3, 1)
    limits.add(webhooks(shop, 3))
    assert (limits.free, limits.free_for_retries) == (0, 0)


def test_a_retrys_slot_is_worth_a_claim_when_retries_used_up_their_share() -> None:
    limits, shop = ConcurrencyLimits(100), target(4)
    limits.offer()
    assert not limits.add(retries(shop, 3))
    assert limits.remove(retries(shop, 1)[0], K.HTTP_5XX)


@pytest.mark.parametrize(("slots", "share"), [(1, 1), (2, 1), (4, 3), (16, 12), (200, 150)])
def test_the_share_of_retries(slots: int, share: int) -> None:
    assert share == retry_share(slots)


def test_waiters_for_a_slot_do_not_weaken_the_halving() -> None:
    limits, shop = ConcurrencyLimits(1_000), target(8)
    limits.offer()
    limits.add(webhooks(shop, 8))
    limits.remove(one(shop), K.DELIVERED, 0.002)
    limits.offer()
    limits.add(webhooks(shop, 41))
    limits.remove(one(shop), K.TOO_MANY_REQUESTS, 0.002)
    assert [busy.allowed for busy in limits.offer()] == [4]


def test_more_is_claimed_ahead_for_a_quick_subscriber() -> None:
    limits, shop = ConcurrencyLimits(1_000), target(8)
    limits.offer()
    limits.add(webhooks(shop, 8))
    limits.remove(one(shop), K.DELIVERED, 0.002)
    assert [(busy.in_flight, busy.ahead) for busy in limits.offer()] == [
        (7, 60)
    ]  # seven and a half times eight in 15 ms
    assert limits.add(webhooks(shop, 0)) is False


def test_by_a_coarse_clock_an_answer_may_take_no_time() -> None:
    limits, shop = ConcurrencyLimits(1_000), target(8)
    limits.add(webhooks(shop, 8))
    limits.remove(one(shop), K.DELIVERED, 0.0)
    assert [busy.ahead for busy in limits.offer()] == [96]


@pytest.mark.parametrize(
    ("kind", "seconds", "rate"),
    [
        (K.DELIVERED, 0.5, None),
        (K.HTTP_5XX, 0.002, None),
        (K.TIMEOUT, 0.002, None),
        (K.DELIVERED, 0.002, 5),
    ],
)
def test_nothing_is_claimed_ahead_for_a_subscriber_that_is_slow_fails_or_has_a_rate(
    kind: K, seconds: float, rate: int | None
) -> None:
    limits, shop = ConcurrencyLimits(1_000), replace(target(8), rate=rate)
    limits.offer()
    limits.add(webhooks(shop, 8))
    limits.remove(one(shop), kind, seconds)
    assert [busy.ahead for busy in limits.offer()] == [0]


@pytest.mark.parametrize(
    ("kind", "seconds", "ends"),
    [
        (K.DELIVERED, 0.1, False),
        (K.HTTP_5XX, 0.1, False),
        (K.DELIVERED, 5, True),
        (K.TIMEOUT, 0.1, True),
        (K.GONE, 0.1, True),
    ],
)
def test_a_subscriber_that_became_slow_ends_claiming_ahead(
    kind: K, seconds: float, *, ends: bool
) -> None:
    assert ends_ahead(kind, seconds) is ends


def test_a_hanging_attempt_gives_its_slot_to_another() -> None:
    limits, shop, other = ConcurrencyLimits(4), target(4), target(4)
    sent = webhooks(shop, 4)
    limits.add(sent)
    assert limits.free == 0
    for webhook in sent[:2]:
        limits.note_hanging(webhook)
    assert (limits.free, limits.in_flight, limits.hanging) == (2, 4, 2)
    limits.add(webhooks(other, 2))
    assert limits.free == 0
    limits.remove(sent[0], K.TIMEOUT, 5.0, hung=True)
    assert (limits.free, limits.in_flight, limits.hanging) == (0, 5, 1)


def test_no_more_hang_beside_the_slots_than_five_times_as_many() -> None:
    limits = ConcurrencyLimits(2)
    for _ in range(11):
        webhook = one(target(1))
        limits.add([webhook])
        limits.note_hanging(webhook)
    assert (limits.hanging, limits.free) == (11, 1)


def test_hanging_retries_do_not_use_up_the_share_of_retries() -> None:
    limits, shop = ConcurrencyLimits(8), target(8)
    sent = retries(shop, 6)
    limits.add(sent)
    assert limits.free_for_retries == 0
    for webhook in sent:
        limits.note_hanging(webhook)
    assert (limits.free, limits.free_for_retries) == (8, 6)
    limits.remove(sent[0], K.TIMEOUT, 5.0, hung=True)
    assert limits.free_for_retries == 6


def test_a_subscriber_with_a_hanging_attempt_gets_one_more_until_a_delivery() -> None:
    limits, shop = ConcurrencyLimits(100), target(8)
    sent = webhooks(shop, 2)
    limits.add(sent)
    limits.note_hanging(sent[0])
    assert offered(limits) == [(2, 2)]
    limits.remove(sent[1], K.DELIVERED, 0.2)
    assert offered(limits) == [(1, 1_000)]


def test_a_subscriber_that_always_answers_slowly_keeps_its_limit() -> None:
    limits, shop = ConcurrencyLimits(100), target(8)
    first, second = webhooks(shop, 2)
    limits.add([first])
    limits.note_hanging(first)
    limits.remove(first, K.DELIVERED, 10.0, hung=True)
    limits.add([second])
    limits.note_hanging(second)
    assert offered(limits) == [(1, 50)]


def test_when_many_hang_no_unproven_subscriber_gets_a_second() -> None:
    limits = ConcurrencyLimits(16)
    assert limits.unproven_limit is None
    for _ in range(9):
        webhook = one(target(4))
        limits.add([webhook])
        limits.note_hanging(webhook)
    assert limits.unproven_limit == 1
    assert offered(limits)[-1] == (1, 1)


@pytest.mark.parametrize(("slow", "allowed"), [(1, 8), (2, 4), (4, 2), (9, 1)])
def test_subscribers_that_answer_slowly_share_half_the_slots(slow: int, allowed: int) -> None:
    limits = ConcurrencyLimits(16)
    for _ in range(slow):
        webhook = one(target(16))
        limits.add([webhook])
        limits.remove(webhook, K.DELIVERED, 4.0)
    assert [(0, allowed)] * slow == offered(limits)
    limits.add([webhook])
    limits.remove(webhook, K.DELIVERED, 0.9)
    assert offered(limits).count((0, allowed)) <= slow - 1, "a quick answer ends that"


def test_capped_subscribers_share_a_quarter_of_the_slots() -> None:
    limits = ConcurrencyLimits(8)
    assert limits.free_for_capped == 2
    capped = [one(replace(target(4), capped=True)) for _ in range(2)]
    limits.add(capped)
    assert (limits.free_for_capped, limits.free) == (0, 6)
    limits.note_hanging(capped[0])
    assert (limits.free_for_capped, limits.free) == (0, 7), "what hangs still counts as theirs"
    limits.remove(capped[0], K.TIMEOUT, 5.0, hung=True)
    assert limits.free_for_capped == 1


def test_the_limit_of_an_idle_subscriber_that_timed_out_is_kept_but_not_offered() -> None:
    limits, shop = ConcurrencyLimits(100), target(8)
    limits.add([one(shop)])
    limits.remove(one(shop), K.TIMEOUT, 5.0)
    limits.offer()
    assert limits.offer() == []
    limits.add([one(shop)])
    assert offered(limits) == [(1, 1)]


def test_a_resting_subscriber_gets_nothing_for_a_while() -> None:
    limits, shop = ConcurrencyLimits(100), target(8)
    limits.add([one(shop)])
    limits.rest(one(shop), 60)
    limits.remove(one(shop))
    assert offered(limits) == [(0, 0)]
    limits.add([one(shop)])
    limits.rest(one(shop), 0)
    limits.remove(one(shop))
    assert offered(limits) == []


def test_room_for_immediate_leases_is_what_claims_leave() -> None:
    limits, shop = ConcurrencyLimits(10), target(4)
    assert {} == limits.room()
    limits.offer()
    limits.add(webhooks(shop, 1))
    assert {shop.subscriber_id: 3} == limits.room()
    limits.add_leased(webhooks(shop, 2))
    assert ({shop.subscriber_id: 1}, 7) == (limits.room(), limits.free)
    for _ in range(3):
        limits.remove(one(shop), K.DELIVERED)
    assert ({}, 10) == (limits.room(), limits.free)


def test_there_is_no_room_before_what_a_claim_had_to_leave() -> None:
    limits, shop = ConcurrencyLimits(10), target(4)
    limits.offer()
    limits.add(webhooks(shop, 4))
    assert limits.remove(one(shop), K.DELIVERED)
    assert {shop.subscriber_id: 0} == limits.room()
    limits.offer()
    limits.add([])  # the next claim finds nothing that is due
    assert {shop.subscriber_id: 1} == limits.room()
