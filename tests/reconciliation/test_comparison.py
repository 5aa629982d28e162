"""Comparison of a row with an order, as a table."""

from itertools import product

import pytest

from app.reconciliation.comparison import OrderHere, Outcome, can_heal, compare
from app.reconciliation.reader import ExportedOrder
from app.zeus.statuses import Status, Step, step

AGREES, BEHIND = Outcome.AGREES, Outcome.BEHIND


def _there(status: str | None, money: int | None = 5400) -> ExportedOrder:
    return ExportedOrder(2, "A-1", Status(status) if status else None, money)


def _here(*statuses: str, money: int | None = 5400, earlier: tuple[str, ...] = ()) -> OrderHere:
    had = frozenset(map(Status, statuses))
    return OrderHere(Status(statuses[-1]), money, had, had | frozenset(map(Status, earlier)))


@pytest.mark.parametrize(
    ("here", "there", "outcome", "healed"),
    [
        (_here("01"), "01", AGREES, False),
        (_here("01"), "02", BEHIND, True),  # contradicts: a review
        (_here("01"), "03", BEHIND, True),
        (_here("01"), "04", BEHIND, True),
        (_here("01"), "05", BEHIND, True),  # 04 was lost too
        (_here("01"), "06", BEHIND, True),
        (_here("01"), "11", BEHIND, True),
        (_here("01"), None, AGREES, False),
        (_here("04"), "01", AGREES, False),  # an older file
        (_here("01", "04"), "05", BEHIND, True),
        (_here("01", "04"), "06", BEHIND, True),
        (_here("01", "04", "05"), "04", AGREES, False),
        (_here("01", "04", "05"), "06", BEHIND, True),  # contradicts: a review
        (_here("01", "04", "06", "05"), "06", AGREES, False),  # that review exists
        (_here("01", "03"), "04", BEHIND, True),  # contradicts, with money
        (_here("01", "04", "06"), "06", AGREES, False),
        (_here("01", "04", "06"), "04", BEHIND, False),  # an older file, or paid again
        (_here("01", "06"), "04", BEHIND, False),
        (_here("01", "04", "06"), "05", BEHIND, True),
        (_here("01", "04", earlier=("04", "06")), "06", BEHIND, False),
        (_here("01", "04", earlier=("04", "06")), "05", BEHIND, True),
        (_here("11", "13"), "11", BEHIND, False),
        (_here("11", "12"), "11", AGREES, False),
        (_here("01", "04", "06", "11"), "04", AGREES, False),
    ],
)
def test_the_status_of_the_file(
    here: OrderHere, there: str | None, outcome: Outcome, healed: bool
) -> None:
    assert (outcome, healed) == (compare(_there(there), here), can_heal(_there(there), here))


@pytest.mark.parametrize("status", [*Status, None])
def test_an_unknown_order_is_healed_if_a_call_tells_its_status(status: Status | None) -> None:
    there = _there(status)
    assert Outcome.UNKNOWN_HERE is compare(there, None)
    assert can_heal(there, None) is (status is not None)


@pytest.mark.parametrize(
    ("ours", "theirs", "outcome"),
    [
        (5400, 5400, BEHIND),
        (5400, 300, Outcome.AMOUNT_DIFFERS),
        (None, 300, BEHIND),
        (5400, None, BEHIND),
        (0, 300, Outcome.AMOUNT_DIFFERS),
    ],
)
def test_an_amount_that_differs_is_never_healed(
    ours: int | None, theirs: int | None, outcome: Outcome
) -> None:
    here, there = _here("01", money=ours), _there("04", theirs)
    assert outcome is compare(there, here)
    assert can_heal(there, here) is (outcome is BEHIND)


@pytest.mark.parametrize(("now", "status"), list(product(Status, Status)))
def test_what_is_late_or_repeated_agrees_and_nothing_else(now: Status, status: Status) -> None:
    known = step(now, status) in (Step.LATE, Step.REPEATED)
    assert (AGREES if known else BEHIND) is compare(_there(status), _here(now))
