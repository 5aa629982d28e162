"""Plot of totals: bars of money, in percent of the plot's width and height."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.events.types import OrderState
from app.operations.orders.totals import PAYABLE, Breakdown, GroupTotal

CONFIRMED, RECEIVED, AWAITING, ENDED = KINDS = ("confirmed", "received", "awaiting", "ended")
"""Kinds of states, in the order in which they are stacked."""

_KINDS: Mapping[OrderState, str] = {
    **dict.fromkeys(OrderState, ENDED),
    **dict.fromkeys(PAYABLE, RECEIVED),
    OrderState.AWAITING_PAYMENT: AWAITING,
    OrderState.CONFIRMED: CONFIRMED,
    OrderState.CONFIRMED_AFTER_CANCEL: CONFIRMED,
}
_MOST_BARS = 62
_MOST_TICKS = 6
_MOST_STEPS = 5
_BAR_SHARE = 0.72


@dataclass(frozen=True, slots=True)
class Portion:
    """Orders of one kind and the sum of their money."""

    kind: str
    orders: int
    money: int


@dataclass(frozen=True, slots=True)
class BarSegment:
    """Part of a bar, in percent along it."""

    kind: str
    begin: float
    length: float


@dataclass(frozen=True, slots=True)
class Bar:
    """Bar of one or more groups: its days if it has some, its sums, and its place in percent."""

    first: str | None
    last: str | None
    portions: Sequence[Portion]
    segments: Sequence[BarSegment]
    x: float
    width: float

    @property
    def middle(self) -> float:
        """Return the place of its label."""
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Plot:
    """Bars with the scale of their height. `ticks` are the bars that get a label."""

    bars: Sequence[Bar]
    ticks: Sequence[Bar]
    top: int
    steps: Sequence[int]
    by_week: bool


def portions_of(parts: Iterable[Breakdown]) -> list[Portion]:
    """Return the sums of each kind of states."""
    states = [state for part in parts for state in part.states]
    return [
        Portion(
            kind,
            sum(total.orders for total in states if _KINDS[total.state] == kind),
            sum(total.money for total in states if _KINDS[total.state] == kind),
        )
        for kind in KINDS
    ]


def plot_of(days: Sequence[GroupTotal]) -> Plot:
    """Return the plot of totals by day: a bar for each day, or for each week from Monday."""
    by_week = len(days) > _MOST_BARS
    parts = _weeks(days) if by_week else [[day] for day in days]
    portions = [portions_of(part) for part in parts]
    largest = max(sum(portion.money for portion in stack) for stack in portions)
    step = step_of(largest)
    top = max(1, -(-largest // step)) * step
    slot = 100 / len(parts)
    bars = [
        Bar(
            part[0].key,
            part[-1].key,
            stack,
            segments_of(stack, top),
            x=slot * (number + (1 - _BAR_SHARE) / 2),
            width=slot * _BAR_SHARE,
        )
        for number, (part, stack) in enumerate(zip(parts, portions, strict=True))
    ]
    every = -(-len(bars) // _MOST_TICKS)
    steps = list(range(0, top + 1, step))
    return Plot(bars, bars[::every], top, steps, by_week)


def segments_of(portions: Sequence[Portion], whole: int) -> list[BarSegment]:
    """Return the parts of a bar whose whole length is `whole` yen."""
    segments, begin = [], 0.0
    for portion in portions:
        length = max(portion.money, 0) / whole * 100
        if length:
            segments.append(BarSegment(portion.kind, begin, length))
        begin += length
    return segments


def step_of(largest: int) -> int:
    """Return the distance of two lines of the scale: 1, 2, 2.5 or 5 times a power of ten."""
    wanted = max(largest, _MOST_STEPS) / _MOST_STEPS
    power = 1
    while power * 10 < wanted:
        power *= 10
    return next(
        int(factor * power)
        for factor in (1, 2, 2.5, 5, 10)
        if factor * power >= wanted and factor * power == int(factor * power)
    )


def _weeks(days: Sequence[GroupTotal]) -> list[list[GroupTotal]]:
    weeks: dict[date, list[GroupTotal]] = {}
    for day in days:
        at = date.fromisoformat(day.key or "")
        weeks.setdefault(at - timedelta(days=at.weekday()), []).append(day)
    return list(weeks.values())
