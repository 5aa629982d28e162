"""Plan of the operational test: its applications, and the hours in which Zeus plays them."""

from datetime import UTC, datetime

import pytest

from app.applications.states import TestKind
from app.operations.operational_test.plan import (
    PlannedTest,
    is_played,
    new_run,
    planned,
    planned_by,
)
from app.zeus.application import FIELDS, MONEY_RANGE
from app.zeus.stores import STORES

MOMENT = datetime(2026, 11, 27, 4, 13, 55, tzinfo=UTC)


def test_plans_every_store_with_every_kind_once() -> None:
    tests = planned(new_run(MOMENT))
    assert len(tests) == len(STORES) * len(TestKind) == 18
    for distinct in ("sendid", "key", "money"):
        assert len({getattr(test, distinct) for test in tests}) == len(tests)


@pytest.mark.parametrize("test", planned(new_run(MOMENT)), ids=lambda test: test.sendid)
def test_every_application_is_one_that_zeus_takes(test: PlannedTest) -> None:
    assert FIELDS["sendid"].holds(test.sendid)
    assert len(test.sendid) <= FIELDS["sendid"].max_bytes
    assert test.money in MONEY_RANGE
    assert planned_by(test.sendid) == test


def test_a_run_is_named_by_the_time_in_japan_and_sorts_by_it() -> None:
    assert new_run(MOMENT) == "261127131355"
    assert new_run(MOMENT) < new_run(datetime(2026, 11, 27, 15, tzinfo=UTC))


@pytest.mark.parametrize("sendid", ["", "A-1001", "OT-1-D001-0", "OT-261127131355-D999-0"])
def test_leaves_other_purchases_alone(sendid: str) -> None:
    assert planned_by(sendid) is None


@pytest.mark.parametrize(
    ("at", "played"),
    [
        (datetime(2026, 11, 27, 0, 0, tzinfo=UTC), True),  # Friday, 9:00 in Japan
        (datetime(2026, 11, 26, 23, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 27, 8, 29, tzinfo=UTC), True),
        (datetime(2026, 11, 27, 8, 30, tzinfo=UTC), False),
        (datetime(2026, 11, 28, 3, 0, tzinfo=UTC), False),  # Saturday
    ],
)
def test_zeus_plays_tests_on_weekdays_from_9_to_17_30(at: datetime, played: bool) -> None:
    assert is_played(at) is played
