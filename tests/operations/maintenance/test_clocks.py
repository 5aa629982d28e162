"""Clock jumps: nothing is erased or pruned unless process, database and recorded times agree."""

from datetime import UTC, datetime, timedelta

import pytest

from app.clock import now, uuid7_floor
from app.db.checks.clock_guard import ClockGuard, Clocks
from app.metrics import registry
from app.operations.attention.dismissal import Dismissal, dismiss_notice
from app.operations.maintenance.erasure import erase_old
from app.operations.maintenance.pruning import prune_history
from app.recording.database_clock import clocks_agree
from app.worker.housekeeping import Housekeeping
from tests.operations.operations_setup import OPERATOR, OperationsSetup

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
AGE = 90 * DAY
ERASED = "SELECT count(*) AS n FROM notices WHERE erased_at IS NOT NULL"


def _clocks(process: timedelta, newest: timedelta | None, last_pass: timedelta | None) -> Clocks:
    def at(shift: timedelta | None) -> datetime | None:
        return None if shift is None else NOON + shift

    return Clocks(NOON + process, NOON, NOON + process, at(newest), at(last_pass))


ZERO = timedelta(0)


@pytest.mark.parametrize(
    ("process", "newest", "last_pass", "rejected"),
    [
        (ZERO, None, None, False),
        (ZERO, -MINUTE, -60 * MINUTE, False),
        (4 * MINUTE, -MINUTE, None, False),
        (6 * MINUTE, -MINUTE, None, True),
        (-6 * MINUTE, -MINUTE, None, True),
        (400 * DAY, -MINUTE, -60 * MINUTE, True),
        (-400 * DAY, -MINUTE, -60 * MINUTE, True),
        (ZERO, 400 * DAY, -60 * MINUTE, True),  # both went back: judged notices are in their future
        (ZERO, None, 400 * DAY, True),
        (ZERO, 4 * MINUTE, 4 * MINUTE, False),
        (ZERO, -MINUTE, -400 * DAY, True),  # both went ahead, and calls arrived since
        (ZERO, -400 * DAY, None, True),
        (ZERO, -7 * DAY, -60 * MINUTE, False),  # a week without calls
    ],
)
def test_clocks_are_trusted_only_together(
    process: timedelta, newest: timedelta | None, last_pass: timedelta | None, *, rejected: bool
) -> None:
    assert rejected is (
        ClockGuard().reason_to_stop(_clocks(process, newest, last_pass)) is not None
    )


def test_a_gap_is_trusted_after_three_days_of_one_process() -> None:
    seconds = 0.0
    guard = ClockGuard(lambda: seconds)
    gap = _clocks(ZERO, -MINUTE, -30 * DAY)
    assert (
        "both clocks are 30 days after the last pass; they are trusted after 3 days"
        == guard.reason_to_stop(gap)
    )
    seconds = 3 * 86_400 - 1
    assert guard.reason_to_stop(gap) is not None
    seconds += 1
    assert guard.reason_to_stop(gap) is None
    assert guard.reason_to_stop(_clocks(400 * DAY, -MINUTE, -30 * DAY)) is not None


@pytest.mark.parametrize("days", [400, -400])
async def test_a_worker_whose_clock_jumped_erases_nothing(
    setup: OperationsSetup, days: int
) -> None:
    await _old(setup, "1111-11111-11111", 91 * DAY)
    wrong = Housekeeping(
        setup.sessions, personal_data=AGE, history=AGE, clock=lambda: now() + days * DAY
    )
    assert not await wrong.run_checked()
    assert 1 == registry.get_sample_value("zeus_relay_housekeeping_stopped")
    assert [(0,)] == await setup.rows(ERASED)
    right = Housekeeping(setup.sessions, personal_data=AGE, history=AGE)
    await setup.judged("01", order_no="2222-22222-22222")
    assert await right.run_checked()
    assert 0 == registry.get_sample_value("zeus_relay_housekeeping_stopped")
    assert [(1,)] == await setup.rows(ERASED)


async def test_clocks_that_jumped_together_since_the_last_pass_erase_nothing(
    setup: OperationsSetup,
) -> None:
    await _old(setup, "1111-11111-11111", 91 * DAY)
    await setup.judged("01", order_no="2222-22222-22222")
    await setup.run(
        "INSERT INTO housekeeping_marks (name, position, updated_at) "
        "VALUES ('last_pass', '', now() - interval '400 days')"
    )
    assert not await Housekeeping(setup.sessions, personal_data=AGE, history=AGE).run_checked()
    assert [(0,)] == await setup.rows(ERASED)


async def test_a_call_with_a_wrong_receiver_time_is_not_erased_early(
    setup: OperationsSetup,
) -> None:
    await _old(setup, "1111-11111-11111", 400 * DAY)
    await setup.run("UPDATE notices SET judged_at = now()")
    assert 0 == await erase_old(setup.sessions, AGE)
    assert [(0,)] == await setup.rows(ERASED)


async def test_notices_that_need_review_stay_until_an_operator_decides(
    setup: OperationsSetup,
) -> None:
    held = await _old(setup, "1111-11111-11111", 92 * DAY, status="99")
    await _old(setup, "1111-11111-11112", 91 * DAY)
    assert [2, 0] == [await erase_old(setup.sessions, AGE) for _ in range(2)]
    (row,) = await setup.rows("SELECT id FROM notices WHERE erased_at IS NULL")
    assert row.id == held
    await dismiss_notice(setup.sessions, row.id, Dismissal(reason="a test"), OPERATOR)
    assert [2, 0] == [await erase_old(setup.sessions, AGE) for _ in range(2)]
    assert [(2,)] == await setup.rows(ERASED)


async def test_dead_webhooks_and_samples_stay_until_they_are_dismissed(
    setup: OperationsSetup,
) -> None:
    await setup.add()
    await setup.judged("01")
    old = "now() - interval '401 days'"
    await setup.run(
        f"UPDATE outbound_webhooks SET state = 'dead', created_at = {old}, finished_at = {old}"
    )
    await setup.run(
        "INSERT INTO rejected_samples (id, lane, received_at, source, method, target, headers, "
        "body)"
        f" VALUES (:id, 0, {old}, '192.0.2.1', 'GET', '', '', '')",
        id=uuid7_floor(now() - 401 * DAY),
    )
    left = (
        "SELECT (SELECT count(*) FROM outbound_webhooks) AS webhooks, "
        "(SELECT count(*) FROM rejected_samples) AS samples"
    )
    await prune_history(setup.sessions, 400 * DAY)
    await erase_old(setup.sessions, AGE)
    assert [(1, 1)] == await setup.rows(left)
    for table in ("outbound_webhooks", "rejected_samples"):
        await setup.run(f"UPDATE {table} SET dismissed_at = now()")
    await prune_history(setup.sessions, 400 * DAY)
    await erase_old(setup.sessions, AGE)
    assert [(0, 0)] == await setup.rows(left)


async def test_a_receiver_compares_its_clock_before_it_erases_files(database_url: str) -> None:
    assert await clocks_agree(database_url)
    assert not await clocks_agree(database_url, lambda: now() + 400 * DAY)
    assert not await clocks_agree(database_url, lambda: now() - 400 * DAY)


async def _old(setup: OperationsSetup, order_no: str, age: timedelta, status: str = "01") -> object:
    """Record and judge a call of that age. Return its id."""
    await setup.judged(status, order_no=order_no)
    moment = now() - age
    await setup.run(
        "UPDATE notices SET id = :id, received_at = :at, judged_at = :at "
        "WHERE order_no = :order_no",
        id=uuid7_floor(moment),
        at=moment,
        order_no=order_no,
    )
    return uuid7_floor(moment)
