"""The table that a run prints, a row as soon as its line is over."""

from dataclasses import dataclass

from tests.chaos.lines import LINES
from tests.chaos.verdict import Finding

_OUTAGE_WIDTH = max(len(line.outage) for line in LINES.values())
_COLUMNS = ("calls", "not 200", "missing", "doubled events", "slowest s", "spooled", "held")


@dataclass(frozen=True, slots=True)
class Row:
    """A line's outcome. `finding` is None if it broke off; `problems` is empty if it holds."""

    outage: str
    finding: Finding | None
    spooled: int
    held: int
    problems: list[str]


def head() -> str:
    """The names of the columns and a rule."""
    names = " | ".join((f"{'outage':<{_OUTAGE_WIDTH}}", *_COLUMNS, ""))
    return f"{names}\n{'-' * len(names)}"


def text_of(row: Row) -> str:
    """One row, and below it what is wrong."""
    finding = row.finding
    figures: tuple[object, ...] = ("-",) * len(_COLUMNS)
    if finding is not None:
        figures = (
            finding.calls,
            finding.not_200,
            finding.missing,
            finding.doubled,
            f"{finding.slowest_s:.2f}",
            row.spooled,
            row.held,
        )
    cells = [f"{figure!s:>{len(name)}}" for name, figure in zip(_COLUMNS, figures, strict=True)]
    lines = [
        " | ".join((f"{row.outage:<{_OUTAGE_WIDTH}}", *cells, "FAIL" if row.problems else "ok"))
    ]
    return "\n".join([*lines, *(f"    {problem}" for problem in row.problems)])
