"""Export of totals as CSV: one line for each group and state."""

from dataclasses import dataclass

from app.operations.exports.cells import number_cell, text_cell
from app.operations.exports.sheets import AS_IN_THE_API, Columns, Sheet, SheetWords
from app.operations.orders.totals import Grouping, GroupTotal, StateTotal, Totals


@dataclass(frozen=True, slots=True)
class _Row:
    group: GroupTotal
    total: StateTotal
    by: Grouping


_COLUMNS: Columns = {
    "name": lambda row, _: text_cell(row.group.name),
    "state": lambda row, words: words.state(row.total.state),
    "orders": lambda row, _: row.total.orders,
    "money": lambda row, _: row.total.money,
    "without_money": lambda row, _: row.total.without_money,
}
TOTAL_COLUMNS = (*Grouping, *_COLUMNS)
"""Names of all columns. A file has only that of its groups among those of Grouping."""


def totals_csv(totals: Totals, words: SheetWords = AS_IN_THE_API) -> bytes:
    """Return the totals as CSV."""
    columns = {name: cell for name, cell in _COLUMNS.items() if _has(totals, name)}
    sheet = Sheet({totals.by: lambda row, _: _key_cell(row), **columns}, words)
    rows = (_Row(group, state, totals.by) for group in totals.groups for state in group.states)
    return sheet.head() + sheet.lines(rows)


def _has(totals: Totals, name: str) -> bool:
    return name != "name" or totals.by is Grouping.STORE


def _key_cell(row: _Row) -> str:
    """Return a day as it is, so that spreadsheets read a date."""
    return (row.group.key or "") if row.by is Grouping.DAY else number_cell(row.group.key)
