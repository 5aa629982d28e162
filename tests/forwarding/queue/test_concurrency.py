"""How much room each subscriber has, and when a claim is worth repeating."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.clock import uuid7
from app.forwarding.outcome import OutcomeKind
from app.forwarding.queue.concurrency import ConcurrencyLimits, again_share, ends_ahead
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


def offered(rooms: ConcurrencyLimits) -> list[tuple[int, int]]:
    return [(busy.in_flight, min(busy.most, 1_000)) for busy in rooms.offer()]


def test_what_is_under_way_takes_room_until_it_ends() -> None:
    rooms, shop = ConcurrencyLimits(10), target()
    assert rooms.offer() == []
    rooms.enter(webhooks(shop, 3))
    assert (rooms.free, offered(rooms)) == (7, [(3, 1_000)])
    for _ in range(3):
        rooms.leave(one(shop), K.DELIVERED)
    assert (rooms.free, offered(rooms), rooms.in_flight) == (10, [], 0)


def test_a_slot_is_wanted_when_the_claim_gave_all_there_was_room_for() -> None:
    rooms, shop = ConcurrencyLimits(10), target(4)
    rooms.offer()
    assert not rooms.enter(webhooks(shop, 4))
    assert rooms.leave(one(shop), K.DELIVERED)


def test_a_slot_is_not_wanted_when_the_claim_left_room() -> None:
    rooms, shop = ConcurrencyLimits(10), target(4)
    rooms.offer()
    assert not rooms.enter(webhooks(shop, 3))
    assert not rooms.leave(one(shop), K.DELIVERED)


def test_a_slot_is_wanted_when_all_are_taken() -> None:
    rooms, shop = ConcurrencyLimits(2), target(4)
    rooms.offer()
    rooms.enter(webhooks(shop, 2))
    assert rooms.leave(one(shop), K.DELIVERED)


def test_room_that_came_free_during_a_claim_is_used_at_once() -> None:
    rooms, shop = ConcurrencyLimits(10), target(4)
    rooms.offer()
    rooms.enter(webhooks(shop, 3))
    rooms.offer()  # one slot is offered ...
    for _ in range(3):
        rooms.leave(one(shop), K.DELIVERED)
    assert rooms.enter(webhooks(shop, 1))  # ... and used, while three more came free


def test_timeouts_halve_the_room_down_to_one_and_successes_restore_it() -> None:
    rooms, shop = ConcurrencyLimits(100), target(8)
    rooms.offer()
    rooms.enter(webhooks(shop, 8))
    most = []
    for _ in range(4):
        rooms.leave(one(shop), K.TIMEOUT)
        most.append(rooms.offer()[0].most)
    assert most == [4, 2, 1, 1]
    for _ in range(4):
        rooms.leave(one(shop), K.DELIVERED)
    assert offered(rooms) == [(0, 5)]
    rooms.enter(webhooks(shop, 4))
    for _ in range(4):
        rooms.leave(one(shop), K.DELIVERED)
    assert offered(rooms) == []  # as at the beginning


def test_a_quick_failure_changes_no_room() -> None:
    rooms, shop = ConcurrencyLimits(10), target(4)
    rooms.offer()
    rooms.enter(webhooks(shop, 4))
    for kind in (K.HTTP_5XX, K.REFUSED, K.OWN_SIDE, None):
        rooms.leave(one(shop), kind)
    assert offered(rooms) == []


def test_a_subscriber_that_is_gone_has_no_room_until_that_is_recorded() -> None:
    rooms, shop = ConcurrencyLimits(10), target(4)
    rooms.offer()
    rooms.enter(webhooks(shop, 3))
    rooms.leave(one(shop), K.GONE)
    rooms.leave(one(shop), K.DELIVERED)  # one that was under way before
    assert offered(rooms) == [(1, 0)]
    rooms.reopen()
    assert offered(rooms) == [(1, 1_000)]


def test_a_quarter_of_all_room_is_kept_for_first_tries() -> None:
    rooms, shop = ConcurrencyLimits(8), target(100)
    assert rooms.free_again == 6
    rooms.offer()
    rooms.enter(retries(shop, 6))
    assert (rooms.free, rooms.free_again) == (2, 0)
    assert [busy.again for busy in rooms.offer()] == [6]
    assert rooms.leave(retries(shop, 1)[0], K.HTTP_5XX)  # others may wait for just this
    assert (rooms.free, rooms.free_again) == (3, 1)
    rooms.enter(webhooks(shop, 3))
    assert (rooms.free, rooms.free_again) == (0, 0)


def test_a_retrys_slot_is_wanted_when_retries_used_up_their_share() -> None:
    rooms, shop = ConcurrencyLimits(100), target(4)
    rooms.offer()
    assert not rooms.enter(retries(shop, 3))
    assert rooms.leave(retries(shop, 1)[0], K.HTTP_5XX)


@pytest.mark.parametrize(("slots", "share"), [(1, 1), (2, 1), (4, 3), (16, 12), (200, 150)])
def test_the_share_of_retries(slots: int, share: int) -> None:
    assert share == again_share(slots)


def test_what_only_waits_for_its_turn_does_not_soften_the_halving() -> None:
    rooms, shop = ConcurrencyLimits(1_000), target(8)
    rooms.offer()
    rooms.enter(webhooks(shop, 8))
    rooms.leave(one(shop), K.DELIVERED, 0.002)
    rooms.offer()
    rooms.enter(webhooks(shop, 41))
    rooms.leave(one(shop), K.TOO_MANY_REQUESTS, 0.002)
    assert [busy.most for busy in rooms.offer()] == [4]


def test_for_a_quick_subscriber_more_is_claimed_ahead() -> None:
    rooms, shop = ConcurrencyLimits(1_000), target(8)
    rooms.offer()
    rooms.enter(webhooks(shop, 8))
    rooms.leave(one(shop), K.DELIVERED, 0.002)
    assert [(busy.in_flight, busy.ahead) for busy in rooms.offer()] == [
        (7, 60)
    ]  # seven and a half times eight in 15 ms
    assert rooms.enter(webhooks(shop, 0)) is False


def test_by_a_coarse_clock_an_answer_may_take_no_time() -> None:
    rooms, shop = ConcurrencyLimits(1_000), target(8)
    rooms.enter(webhooks(shop, 8))
    rooms.leave(one(shop), K.DELIVERED, 0.0)
    assert [busy.ahead for busy in rooms.offer()] == [96]


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
    rooms, shop = ConcurrencyLimits(1_000), replace(target(8), rate=rate)
    rooms.offer()
    rooms.enter(webhooks(shop, 8))
    rooms.leave(one(shop), kind, seconds)
    assert [busy.ahead for busy in rooms.offer()] == [0]


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
def test_a_subscriber_that_became_slow_ends_what_was_claimed_ahead(
    kind: K, seconds: float, *, ends: bool
) -> None:
    assert ends_ahead(kind, seconds) is ends


def test_an_attempt_that_hangs_gives_its_slot_to_another() -> None:
    rooms, shop, other = ConcurrencyLimits(4), target(4), target(4)
    sent = webhooks(shop, 4)
    rooms.enter(sent)
    assert rooms.free == 0
    for webhook in sent[:2]:
        rooms.hang(webhook)
    assert (rooms.free, rooms.in_flight, rooms.hanging) == (2, 4, 2)
    rooms.enter(webhooks(other, 2))
    assert rooms.free == 0
    rooms.leave(sent[0], K.TIMEOUT, 5.0, hung=True)
    assert (rooms.free, rooms.in_flight, rooms.hanging) == (0, 5, 1)


def test_no_more_hang_beside_the_slots_than_five_times_as_many() -> None:
    rooms = ConcurrencyLimits(2)
    for _ in range(11):
        webhook = one(target(1))
        rooms.enter([webhook])
        rooms.hang(webhook)
    assert (rooms.hanging, rooms.free) == (11, 1)


def test_retries_that_hang_do_not_use_up_the_share_of_retries() -> None:
    rooms, shop = ConcurrencyLimits(8), target(8)
    sent = retries(shop, 6)
    rooms.enter(sent)
    assert rooms.free_again == 0
    for webhook in sent:
        rooms.hang(webhook)
    assert (rooms.free, rooms.free_again) == (8, 6)
    rooms.leave(sent[0], K.TIMEOUT, 5.0, hung=True)
    assert rooms.free_again == 6


def test_a_subscriber_with_one_that_hangs_gets_one_more_until_something_is_delivered() -> None:
    rooms, shop = ConcurrencyLimits(100), target(8)
    sent = webhooks(shop, 2)
    rooms.enter(sent)
    rooms.hang(sent[0])
    assert offered(rooms) == [(2, 2)]
    rooms.leave(sent[1], K.DELIVERED, 0.2)
    assert offered(rooms) == [(1, 1_000)]


def test_a_subscriber_that_usually_answers_late_keeps_its_room() -> None:
    rooms, shop = ConcurrencyLimits(100), target(8)
    first, second = webhooks(shop, 2)
    rooms.enter([first])
    rooms.hang(first)
    rooms.leave(first, K.DELIVERED, 10.0, hung=True)
    rooms.enter([second])
    rooms.hang(second)
    assert offered(rooms) == [(1, 50)]


def test_when_many_hang_nobody_unproven_gets_a_second() -> None:
    rooms = ConcurrencyLimits(16)
    assert rooms.unproven is None
    for _ in range(9):
        webhook = one(target(4))
        rooms.enter([webhook])
        rooms.hang(webhook)
    assert rooms.unproven == 1
    assert offered(rooms)[-1] == (1, 1)


@pytest.mark.parametrize(("slow", "most"), [(1, 8), (2, 4), (4, 2), (9, 1)])
def test_subscribers_that_answer_late_share_half_the_slots(slow: int, most: int) -> None:
    rooms = ConcurrencyLimits(16)
    for _ in range(slow):
        webhook = one(target(16))
        rooms.enter([webhook])
        rooms.leave(webhook, K.DELIVERED, 4.0)
    assert [(0, most)] * slow == offered(rooms)
    rooms.enter([webhook])
    rooms.leave(webhook, K.DELIVERED, 0.9)
    assert offered(rooms).count((0, most)) <= slow - 1, "a quick answer ends that"


def test_capped_subscribers_share_a_quarter_of_the_slots() -> None:
    rooms = ConcurrencyLimits(8)
    assert rooms.free_capped == 2
    capped = [one(replace(target(4), capped=True)) for _ in range(2)]
    rooms.enter(capped)
    assert (rooms.free_capped, rooms.free) == (0, 6)
    rooms.hang(capped[0])
    assert (rooms.free_capped, rooms.free) == (0, 7), "what hangs still counts as theirs"
    rooms.leave(capped[0], K.TIMEOUT, 5.0, hung=True)
    assert rooms.free_capped == 1


def test_a_claim_is_told_nothing_of_idle_subscribers_that_timed_out_and_their_room_is_remembered() -> (
    None
):
    rooms, shop = ConcurrencyLimits(100), target(8)
    rooms.enter([one(shop)])
    rooms.leave(one(shop), K.TIMEOUT, 5.0)
    rooms.offer()
    assert rooms.offer() == []
    rooms.enter([one(shop)])
    assert offered(rooms) == [(1, 1)]


def test_a_subscriber_at_rest_gets_nothing_for_a_while() -> None:
    rooms, shop = ConcurrencyLimits(100), target(8)
    rooms.enter([one(shop)])
    rooms.rest(one(shop), 60)
    rooms.leave(one(shop))
    assert offered(rooms) == [(0, 0)]
    rooms.enter([one(shop)])
    rooms.rest(one(shop), 0)
    rooms.leave(one(shop))
    assert offered(rooms) == []
