"""Release as a table: an order, the setting, and what becomes of its goods."""

from dataclasses import replace

import pytest

from app.order_life.change import OrderChange
from app.order_life.order_state import KnownOrder
from app.order_life.release import ReleaseOn, is_held, is_paid_for, may_release, must_revoke
from app.order_life.reviews import HOLDING, Reason, Review, Settlement
from app.zeus.statuses import Status

CONFIRMED, RECEIVED = ReleaseOn.CONFIRMED, ReleaseOn.RECEIVED
CONFIRMED_ORDER = KnownOrder("1", Status.CONFIRMED, cycle=2)


def review(reason: Reason) -> Review:
    return Review(reason, "1", 2)


@pytest.mark.parametrize(
    ("status", "release_on", "expected"),
    [
        (status, release_on, status in released)
        for release_on, released in (
            (CONFIRMED, ("05", "12")),
            (RECEIVED, ("04", "05", "11", "12")),
        )
        for status in Status
    ],
)
def test_the_status_that_releases(status: Status, release_on: ReleaseOn, expected: bool) -> None:
    order = KnownOrder("1", status)
    assert expected == is_paid_for(order, release_on) == may_release(order, release_on)


@pytest.mark.parametrize("reason", Reason)
def test_open_reviews_about_money_hold(reason: Reason) -> None:
    order = replace(CONFIRMED_ORDER, reviews=(review(reason),))
    assert (reason in HOLDING) == is_held(order)
    assert (reason not in HOLDING) == may_release(order, CONFIRMED)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (CONFIRMED_ORDER, True),
        (replace(CONFIRMED_ORDER, released_cycle=2), False),
        (replace(CONFIRMED_ORDER, released_cycle=1), True),
        (replace(CONFIRMED_ORDER, released_cycle=2, revoked_cycle=2), False),
        (replace(CONFIRMED_ORDER, held_cycle=2), False),
        (replace(CONFIRMED_ORDER, held_cycle=1), True),
    ],
)
def test_once_in_a_cycle_and_not_while_a_decision_holds(order: KnownOrder, expected: bool) -> None:
    assert expected == may_release(order, CONFIRMED)


@pytest.mark.parametrize(
    ("status", "arrived", "cycles", "expected"),
    [
        ("06", "06", (2, None), True),
        ("13", "13", (2, None), True),
        ("05", "06", (2, None), False),  # a contradiction: the order stays confirmed
        ("06", "05", (2, None), False),
        ("06", "06", (1, None), False),
        ("06", "06", (None, None), False),
        ("06", "06", (2, 2), False),
        ("06", "06", (2, 1), True),
    ],
)
def test_a_reversal_revokes_the_release_of_its_cycle(
    status: str, arrived: str, cycles: tuple[int | None, int | None], expected: bool
) -> None:
    released, revoked = cycles
    order = KnownOrder("1", Status(status), cycle=2, released_cycle=released, revoked_cycle=revoked)
    assert expected == must_revoke(order, Status(arrived))


HOLD, RELEASE, DISMISS = Settlement.HOLD, Settlement.RELEASE, Settlement.DISMISS
FIRST, SECOND, OVERDUE = (
    review(Reason.VALUES_DIFFER),
    review(Reason.PAID_TWICE),
    review(Reason.CONFIRMATION_OVERDUE),
)


@pytest.mark.parametrize(
    ("settlements", "held"),
    [
        ([], True),
        ([(FIRST, RELEASE)], True),
        ([(FIRST, RELEASE), (SECOND, RELEASE)], False),
        ([(FIRST, DISMISS), (SECOND, DISMISS)], False),
        ([(FIRST, HOLD), (SECOND, RELEASE)], True),
        ([(FIRST, HOLD), (SECOND, DISMISS)], True),
        ([(FIRST, RELEASE), (SECOND, HOLD)], True),
        ([(FIRST, HOLD), (SECOND, RELEASE), (FIRST, RELEASE)], False),
        ([(FIRST, DISMISS), (SECOND, DISMISS), (FIRST, RELEASE)], False),
        ([(OVERDUE, HOLD), (FIRST, RELEASE), (SECOND, RELEASE)], False),
    ],
)
def test_settlements_decide_together(
    settlements: list[tuple[Review, Settlement]], held: bool
) -> None:
    change = OrderChange(replace(CONFIRMED_ORDER, reviews=(FIRST, SECOND, OVERDUE)))
    for one, settlement in settlements:
        change.settle(one, settlement, "hanako")
    assert held == is_held(change.order)
    change.release(CONFIRMED)
    assert held == ("order.released" not in [event.type for event in change.events])
