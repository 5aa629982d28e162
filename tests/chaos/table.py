"""Table of results, printed row by row as the lines end."""

from dataclasses import dataclass

from tests.chaos.lines import LINES
from tests.chaos.verdict import Finding

_OUTAGE_WIDTH = max(len(line.outage) for line in LINES.values())
_COLUMNS = ("calls", "not 200", "missing", "doubled events", "slowest s", "spooled", "held")


@dataclass(frozen=True, slots=True)
class Row:
    """Result of a line. `finding` is None if it broke off; `problems` is empty if it holds."""

    outage: str
    finding: Finding | None
    spooled: int
    held: int
    problems: list[str]


def head() -> str:
    """Return the names of the columns and a rule."""
    names = " | ".join((f"{'outage':<{_OUTAGE_WIDTH}}", *_COLUMNS, ""))
    return f"{names}\n{'-' * len(names)}"


def text_of(row: Row) -> str:
    """Return one row, with its problems below it."""
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
