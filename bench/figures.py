"""Figures of a case with their baselines and requirements, as a table and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

_HEAD = ("case", "figure", "ratio", "spread", "measured", "baseline", "required", "")


@dataclass(frozen=True, slots=True)
class Requirement:
    """Upper or lower bound of `of`: of the `ratio` to the baseline, or of the `measured` value."""

    least: float | None = None
    most: float | None = None
    of: str = "measured"

    def holds(self, value: float) -> bool:
        """Return whether `value` is within the bound."""
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one case: the median of its rounds and of its baseline's rounds, in one unit.

    `rounds` and `baseline_rounds` are the single values. `note` describes the baseline.
    """

    case: str
    name: str
    unit: str
    rounds: tuple[float, ...]
    baseline_rounds: tuple[float, ...] = ()
    note: str = ""
    required: Requirement | None = None

    @property
    def measured(self) -> float:
        """The median of the rounds."""
        return median(self.rounds)

    @property
    def baseline(self) -> float | None:
        """The median of the baseline's rounds."""
        return median(self.baseline_rounds) if self.baseline_rounds else None

    @property
    def ratio(self) -> float | None:
        """Measured value divided by the baseline; None without one."""
        return self.measured / self.baseline if self.baseline else None

    @property
    def spread(self) -> tuple[float, float] | None:
        """Smallest and largest ratio of a round to the baseline's round; None without pairs."""
        if not self.baseline_rounds or len(self.rounds) != len(self.baseline_rounds):
            return None
        pairs = zip(self.rounds, self.baseline_rounds, strict=True)
        ratios = [own / other for own, other in pairs if other]
        return (min(ratios), max(ratios)) if ratios else None

    @property
    def holds(self) -> bool:
        """Whether the requirement is met; a figure without one is for information."""
        if self.required is None:
            return True
        value = self.ratio if self.required.of == "ratio" else self.measured
        return value is not None and self.required.holds(value)


def table(figures: Sequence[Figure], *, judged: bool = True) -> str:
    """Return the figures as aligned text. Figures of a run too short to judge get no verdict."""
    rows = [_HEAD, *(_row(figure, judged) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-+-".join("-" * width for width in widths), *lines[1:]])


def as_json(figures: Sequence[Figure], about: dict[str, object]) -> str:
    """Return every figure with its single rounds."""
    entries = [
        {
            **asdict(figure),
            "measured": figure.measured,
            "ratio": figure.ratio,
            "spread": figure.spread,
            "holds": figure.holds,
        }
        for figure in figures
    ]
    return json.dumps({**about, "figures": entries}, indent=2, ensure_ascii=False) + "\n"


def _row(figure: Figure, judged: bool) -> tuple[str, ...]:
    baseline = (
        ""
        if figure.baseline is None
        else f"{_amount(figure.baseline)} {figure.unit}, {figure.note}"
    )
    verdict = "" if figure.required is None or not judged else "ok" if figure.holds else "MISS"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    return (
        figure.case,
        figure.name,
        ratio,
        "" if figure.spread is None else "{:.2f}–{:.2f}".format(*figure.spread),
        f"{_amount(figure.measured)} {figure.unit}",
        baseline,
        _bound(figure),
        verdict,
    )


def _bound(figure: Figure) -> str:
    if figure.required is None:
        return ""
    unit = "" if figure.required.of == "ratio" else f" {figure.unit}"
    bounds = ((">=", figure.required.least), ("<=", figure.required.most))
    return ", ".join(f"{sign} {bound:.4g}{unit}" for sign, bound in bounds if bound is not None)


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
