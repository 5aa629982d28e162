"""Sheets: the columns of a CSV export, with their headings in the reader's words."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.operations.exports.cells import BOM, csv_lines
from app.operations.orders.days import JAPAN

PAGE_ROWS = 250
"""Rows read at a time: a few milliseconds of work, in which the process answers nobody else."""

_TO_SECONDS = len("2026-11-23 14:05:33")


def as_named(name: str) -> str:
    """Return a name unchanged: programs read the names of the API."""
    return name


@dataclass(frozen=True, slots=True)
class SheetWords:
    """Words of a reader: of a column's name, and of codes."""

    heading: Callable[[str], str] = as_named
    state: Callable[[str], str] = as_named
    reason: Callable[[str], str] = as_named
    release: Callable[[str], str] = as_named


AS_IN_THE_API = SheetWords()

Columns = Mapping[str, Callable[[Any, SheetWords], object]]
"""Cell of each column, by its name, from a row and the reader's words."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """CSV file: its columns and the words for its headings."""

    columns: Columns
    words: SheetWords = AS_IN_THE_API

    def head(self) -> bytes:
        """Return the byte order mark and the line of headings."""
        return BOM + csv_lines([[self.words.heading(name) for name in self.columns]])

    def lines(self, rows: Iterable[Any]) -> bytes:
        """Return the lines of these rows."""
        cells = self.columns.values()
        return csv_lines([cell(row, self.words) for cell in cells] for row in rows)


def moment_cell(moment: datetime | None) -> str:
    """Return a time in Japan to the second, which spreadsheets read as a time."""
    return (
        "" if moment is None else moment.astimezone(JAPAN).isoformat(" ", "seconds")[:_TO_SECONDS]
    )


def bool_cell(value: bool) -> str:
    """Return a truth value as JSON and spreadsheets write it."""
    return "true" if value else "false"
