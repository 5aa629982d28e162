"""Plot of totals: kinds of states, scale, bars by day and week."""

from datetime import date, timedelta
from typing import Any

import pytest

from app.console.views.totals_plot import KINDS, plot_of, portions_of, step_of
from app.events.types import OrderState
from app.operations.orders.totals import GroupTotal, StateTotal


def _day(day: date, **money: int) -> GroupTotal:
    states = [
        StateTotal(state=OrderState(state), orders=1, money=amount, without_money=0)
        for state, amount in money.items()
    ]
    whole: dict[str, Any] = {
        "orders": len(states),
        "money": sum(money.values()),
        "without_money": 0,
    }
    return GroupTotal(key=day.isoformat(), name=None, payable=whole, states=states, **whole)


def _days(count: int, first: date = date(2026, 11, 1), **money: int) -> list[GroupTotal]:
    return [_day(first + timedelta(days=number), **money) for number in range(count)]


def test_every_state_is_in_one_portion() -> None:
    everything = _day(date(2026, 11, 1), **dict.fromkeys(OrderState, 100))
    portions = portions_of([everything])
    assert [*KINDS] == [portion.kind for portion in portions]
    assert {"confirmed": 2, "received": 2, "awaiting": 1, "ended": len(OrderState) - 5} == {
        portion.kind: portion.orders for portion in portions
    }


@pytest.mark.parametrize(
    ("largest", "step"),
    [(0, 1), (5, 1), (6, 2), (11, 5), (50, 10), (51, 20), (101, 25), (126, 50), (225_000, 50_000)],
)
def test_the_scale_has_round_steps_and_at_most_five(largest: int, step: int) -> None:
    assert step == step_of(largest)
    assert largest <= 5 * step


def test_bars_stand_on_each_other_and_reach_their_sum() -> None:
    plot = plot_of([_day(date(2026, 11, 1), confirmed=50, paid=30, expired=20)])
    (bar,) = plot.bars
    assert (100, [0, 20, 40, 60, 80, 100]) == (plot.top, list(plot.steps))
    assert [("confirmed", 0.0, 50.0), ("received", 50.0, 30.0), ("ended", 80.0, 20.0)] == [
        (segment.kind, segment.begin, segment.length) for segment in bar.segments
    ]
    assert 50 == bar.middle


def test_bars_fill_the_width_and_few_have_labels() -> None:
    plot = plot_of(_days(62, paid=100))
    assert (62, 6, False) == (len(plot.bars), len(plot.ticks), plot.by_week)
    assert plot.bars[0].x > 0
    assert plot.bars[-1].x + plot.bars[-1].width < 100


def test_long_ranges_have_a_bar_for_each_week() -> None:
    plot = plot_of(_days(63, date(2026, 11, 1), paid=100))
    assert plot.by_week
    assert [("2026-11-01", "2026-11-01"), ("2026-11-02", "2026-11-08")] == [
        (bar.first, bar.last) for bar in plot.bars[:2]
    ]
    assert [100, 700] == [sum(part.money for part in bar.portions) for bar in plot.bars[:2]]
    assert 58 >= len(plot_of(_days(400, paid=1)).bars)
