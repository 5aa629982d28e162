"""CSV that spreadsheets open without running a formula or changing a number.

UTF-8 with a byte order mark, so that Excel reads Japanese. A cell that a spreadsheet would run or
change gets an apostrophe before it; so does one that begins with an apostrophe. Programs remove
one apostrophe from the beginning of a cell, if there is one.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence

MARK = "'"
BOM = b"\xef\xbb\xbf"

_RUNS = re.compile(r"[=+\-@\t\r\n']")
"""First characters of a formula, and those that an import skips before one."""
_STAYS = re.compile(
    r"""
    [1-9][0-9]{0,10}                 # digits that Excel shows as they are, without a zero in front
    | [0-9]+-[0-9]{3,}-[0-9]+        # an order number of Zeus: its middle is no day and no month
    | (?!jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|true|false
        |[mtshr]\.?[0-9])[a-z].*     # begins as no month, no truth value, no year of an era
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
"""Numbers that a spreadsheet leaves alone."""


def text_cell(text: str | None) -> str:
    """Return the cell of a text, which no spreadsheet runs. None gives an empty cell."""
    if not text:
        return ""
    if text[0].isascii() and text[0].isalnum():
        return text
    begin = unicodedata.normalize("NFKC", text.lstrip()[:1])
    return MARK + text if _RUNS.match(text) or _RUNS.match(begin) else text


def number_cell(number: str | None) -> str:
    """Return the cell of a number that is a name, such as an order number.

    Spreadsheets would drop zeros in front, round it after 15 digits or make it a date.
    """
    if not number:
        return ""
    return number if _STAYS.fullmatch(number) else MARK + number


def csv_lines(rows: Iterable[Sequence[object]]) -> bytes:
    """Return rows of cells as lines of a CSV file (RFC 4180). None gives an empty cell.

    Texts are quoted, so that a semicolon, which some countries' Excel divides at, divides nothing.
    """
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC).writerows(rows)
    return text.getvalue().encode()
