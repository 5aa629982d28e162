"""Due times: short waits are exact, long ones share a moment."""

import pytest

from app.forwarding.queue import due_times
from app.forwarding.queue.due_times import DueTimes


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a clock that stands still until its only element changes."""
    moment = [100.0]
    monkeypatch.setattr(due_times, "monotonic", lambda: moment[0])
    return moment


def test_a_short_wait_is_exact(clock: list[float]) -> None:
    due = DueTimes()
    due.add(1.37)
    assert 1.37 == pytest.approx(due.wait_seconds(5))
    assert 1 == due.wait_seconds(1)


def test_long_waits_end_together_and_never_early(clock: list[float]) -> None:
    due = DueTimes()
    for tenths in range(10):
        due.add(10 + tenths / 10)
    assert 10 == pytest.approx(due.wait_seconds(60))
    ends = []
    while due.wait_seconds(60) < 60:
        clock[0] += due.wait_seconds(60)
        ends.append(clock[0] - 100)
        due.remove_past()
    assert [10, 10.25, 10.5, 10.75, 11] == pytest.approx(ends)
