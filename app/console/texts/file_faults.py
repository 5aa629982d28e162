"""Messages about uploaded files that cannot be compared, as catalogue keys."""

from collections.abc import Callable, Mapping

from app.console.texts.labels import _
from app.reconciliation.reader import FileFault, UnreadableFile
from app.zeus.csv_export import CellFault

FAULTS: Mapping[FileFault | CellFault, str] = {
    CellFault.FORMULA: _("The cell holds a formula. Save the values as text."),
    CellFault.NO_ORDER_NO: _("The order number is missing."),
    CellFault.ROUNDED: _("A spreadsheet has rounded the order number. Export the column as text."),
    CellFault.LONG: _("The order number is too long."),
    CellFault.UNKNOWN_STATUS: _("This status is not in Zeus's status table."),
    CellFault.NO_AMOUNT: _("This is not an amount in yen."),
    FileFault.EMPTY: _("The file is empty."),
    FileFault.WORKBOOK: _("This is a workbook. Save it as CSV."),
    FileFault.FORM: _("This is a form that holds a file. Choose the file itself."),
    FileFault.WIDE: _("This is UTF-16. Save it as CSV in UTF-8 or Shift_JIS."),
    FileFault.MIXED: _(
        "The lines before are in {encoding}, this one is not. Save the file in one encoding."
    ),
    FileFault.NUL: _("This is not a table: it has a NUL byte."),
    FileFault.LONG_LINE: _("This is not a table: the line is longer than {limit:,} bytes."),
    FileFault.NOT_CSV: _("This is not a table: quotes or separators are wrong."),
    FileFault.OPEN_QUOTE: _("A quoted cell does not end."),
    FileFault.CELLS: _("The line has {cells} cells, the headings are {headings}."),
    FileFault.NO_HEADINGS: _("The line holds an order. The first line must hold the headings."),
    FileFault.NO_COLUMN: _(
        "No column for {field} was found. Name its heading below. Headings: {headings}"
    ),
    FileFault.NO_HEADING: _("No column is called {heading}. Headings: {headings}"),
    FileFault.SEVERAL_COLUMNS: _("Several columns may be {field}. Name one below."),
    FileFault.NO_FIELD: _("There is no field {given}."),
}
FIELDS: Mapping[str, str] = {
    "order_no": _("order number"),
    "status": _("status"),
    "money": _("amount"),
}
_AT_CELL = _("Line {line}, column {column}: {reason}")
_AT_LINE = _("Line {line}: {reason}")


def words_of_fault(error: UnreadableFile, translated: Callable[[str], str]) -> str:
    """Return the message of a fault, with its place."""
    details = {
        name: translated(FIELDS[str(value)]) if name == "field" else value
        for name, value in error.details.items()
    }
    reason = translated(FAULTS[error.fault]).format(**details)
    if error.line is None:
        return reason
    place = translated(_AT_LINE if error.column is None else _AT_CELL)
    return place.format(line=error.line, column=error.column, reason=reason)
