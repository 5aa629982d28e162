"""Reader of exported CSV and TSV files: encoding, columns and rows, in little memory."""

import codecs
import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Final, TypeVar

from app.zeus.csv_export import (
    HEADINGS,
    REQUIRED,
    BadCell,
    CellFault,
    amount_of,
    fold_heading,
    order_no_of,
    status_of,
)
from app.zeus.statuses import Status

Value = TypeVar("Value")

LINE_LIMIT: Final = 64 * 1024
"""Bytes of a line at most. A file without line ends is not read into memory."""
ROW_LINES: Final = 100
"""Lines of a row at most: a quoted cell may hold line ends, and a quote may never be closed."""

_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"),)
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_FORM: Final = re.compile(rb"--[0-9A-Za-z'()+_./:=?-]+\r\n")
"""First line of a form that holds a file (RFC 2046)."""
_WIDE_BOMS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class FileFault(StrEnum):
    """Reason why a file cannot be compared. The value is its text, with places for details."""

    EMPTY = "the file is empty"
    WORKBOOK = "this is a workbook; save it as CSV"
    FORM = "this is a form (multipart); send the file alone, as the body"
    WIDE = "this is UTF-16; save it as CSV in UTF-8 or Shift_JIS"
    MIXED = "not {encoding}, as the lines before it; save the file in one encoding"
    NUL = "not a table: a NUL byte"
    LONG_LINE = "not a table: over {limit:,} bytes long"
    NOT_CSV = "not a table: {detail}"
    OPEN_QUOTE = "a quoted cell does not end"
    CELLS = "{cells} cells under {headings} headings"
    NO_HEADINGS = "the line holds an order, no headings"
    NO_COLUMN = "no column for {field}; name it, as {field}=HEADING. Headings: {headings}"
    NO_HEADING = "no column is called {heading}. Headings: {headings}"
    SEVERAL_COLUMNS = "several columns for {field}; name one"
    NO_FIELD = "no such field: {given}; fields are {known}"


class UnreadableFile(Exception):
    """A file that cannot be compared. `line` counts from 1; `column` is a heading, or None.

    `details` fill the places of the fault's text.
    """

    def __init__(
        self,
        fault: FileFault | CellFault,
        line: int | None = None,
        column: str | None = None,
        **details: object,
    ) -> None:
        """Say why, and where."""
        self.fault, self.line, self.column, self.details = fault, line, column, details
        where = [f"line {line}"] if line else []
        where += [f"column {column}"] if column else []
        super().__init__(f"{', '.join(where)}: {self.reason}" if where else self.reason)

    @property
    def reason(self) -> str:
        """Return the reason without the place."""
        return self.fault.value.format(**self.details)


@dataclass(frozen=True, slots=True)
class ExportedOrder:
    """A row of the export. `status` is None for a state that no call tells."""

    line: int
    order_no: str
    status: Status | None
    money: int | None


def read_export(
    file: BinaryIO, columns: Mapping[str, str] | None = None
) -> Iterator[ExportedOrder]:
    """Yield the orders of a CSV or TSV file in cp932 or UTF-8.

    `columns` names the heading of a field where it is not one of the known headings. Raises
    UnreadableFile at the first fault; callers read to the end before they change anything.
    """
    lines = _Lines(file)
    heading = lines.text_of_first()
    rows = csv.reader(lines, delimiter="\t" if "\t" in heading else ",", strict=True)
    found: _Columns | None = None
    for cells in _rows(rows, lines):
        if not any(cell.strip() for cell in cells):
            continue
        if found is None:
            found = _Columns(cells, columns or {}, lines.row_began)
        else:
            yield found.order_of(cells, lines.row_began)
    if found is None:
        raise UnreadableFile(FileFault.EMPTY)


def _rows(reader: Iterator[list[str]], lines: "_Lines") -> Iterator[list[str]]:
    while True:
        lines.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UnreadableFile(FileFault.NOT_CSV, lines.row_began, detail=error) from error
        yield cells


class _Lines:
    """The lines of a file as text. The first line that is not ASCII decides the encoding."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._encoding: str | None = None
        self._first: str | None = None
        self.number = 0
        self.row_began = 1

    def text_of_first(self) -> str:
        """Return the first line, which stays the first to be read."""
        self._first = self._read()
        return self._first or ""

    def begin_row(self) -> None:
        """Note that the next line begins a row."""
        self.row_began = self.number + (self._first is None)

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._read() if self._first is None else self._first
        self._first = None
        if line is None:
            raise StopIteration
        if self.number - self.row_began >= ROW_LINES:
            raise UnreadableFile(FileFault.OPEN_QUOTE, self.row_began)
        return line

    def _read(self) -> str | None:
        raw = self._file.readline(LINE_LIMIT + 1)
        if not raw:
            return None
        self.number += 1
        if self.number == 1:
            raw = self._without_bom(raw)
        if len(raw) > LINE_LIMIT:
            raise UnreadableFile(FileFault.LONG_LINE, self.number, limit=LINE_LIMIT)
        if b"\0" in raw:
            raise UnreadableFile(FileFault.NUL, self.number)
        return self._decoded(raw)

    def _without_bom(self, raw: bytes) -> bytes:
        if raw.startswith(_WORKBOOKS):
            raise UnreadableFile(FileFault.WORKBOOK)
        if _FORM.fullmatch(raw):
            raise UnreadableFile(FileFault.FORM)
        if raw.startswith(_WIDE_BOMS):
            raise UnreadableFile(FileFault.WIDE)
        for bom, encoding in _BOMS:
            if raw.startswith(bom):
                self._encoding = encoding
                return raw.removeprefix(bom)
        return raw

    def _decoded(self, raw: bytes) -> str:
        if self._encoding is None:
            if raw.isascii():
                return raw.decode("ascii")
            self._encoding = "utf-8" if _is_utf_8(raw) else "cp932"
        try:
            return raw.decode(self._encoding)
        except UnicodeDecodeError as error:
            raise UnreadableFile(FileFault.MIXED, self.number, encoding=self._encoding) from error


def _is_utf_8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class _Columns:
    """The places of the fields in a row."""

    def __init__(self, cells: Sequence[str], named: Mapping[str, str], line: int) -> None:
        self._headings = [cell.strip() for cell in cells]
        self._line = line
        unknown = named.keys() - HEADINGS.keys()
        if unknown:
            raise UnreadableFile(
                FileFault.NO_FIELD, given=", ".join(sorted(unknown)), known=", ".join(HEADINGS)
            )
        self._places = {name: self._place(name, named.get(name)) for name in HEADINGS}

    def _place(self, name: str, heading: str | None) -> int | None:
        wanted = HEADINGS[name] if heading is None else (fold_heading(heading),)
        places = [
            place for place, text in enumerate(self._headings) if fold_heading(text) in wanted
        ]
        if len(places) > 1:
            raise UnreadableFile(FileFault.SEVERAL_COLUMNS, self._line, field=name)
        if places:
            return places[0]
        if heading is None and name not in REQUIRED:
            return None
        if any(map(_is_status, self._headings)):  # then the others may be personal
            raise UnreadableFile(FileFault.NO_HEADINGS, self._line)
        headings = _shown(", ".join(self._headings))
        if heading is not None:
            shown = _shown(heading)
            raise UnreadableFile(FileFault.NO_HEADING, self._line, heading=shown, headings=headings)
        raise UnreadableFile(FileFault.NO_COLUMN, self._line, field=name, headings=headings)

    def order_of(self, cells: Sequence[str], line: int) -> ExportedOrder:
        """Return the order of a row. Raises UnreadableFile."""
        if len(cells) != len(self._headings):
            raise UnreadableFile(
                FileFault.CELLS, line, cells=len(cells), headings=len(self._headings)
            )
        return ExportedOrder(
            line,
            self._value("order_no", order_no_of, cells, line) or "",
            self._value("status", status_of, cells, line),
            self._value("money", amount_of, cells, line),
        )

    def _value(
        self, name: str, read: Callable[[str], Value | None], cells: Sequence[str], line: int
    ) -> Value | None:
        place = self._places[name]
        if place is None:
            return None
        try:
            return read(cells[place])
        except BadCell as error:
            raise UnreadableFile(error.fault, line, _shown(self._headings[place])) from error


def _is_status(text: str) -> bool:
    try:
        status_of(text)
    except BadCell:
        return False
    return True


def _shown(heading: str) -> str:
    """Return the beginning of a heading, without what could control a terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in heading[:200])
