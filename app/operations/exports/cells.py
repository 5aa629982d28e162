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
_PLAIN_NUMBER = re.compile(r"[1-9][0-9]{0,10}")
"""Digits that Excel shows as they are: no zero in front, and at most eleven."""
_ZEUS_ORDER_NO = re.compile(r"[0-9]+-[0-9]{3,}-[0-9]+")
"""Three numbers, the middle one longer than a day, month or year of two digits."""
_NAME = re.compile(
    r"(?!jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|true|false|[mtshr]\.?[0-9])[a-z].*",
    re.IGNORECASE | re.DOTALL,
)
"""Begins with a letter, and with no month, truth value or year of a Japanese era."""


def text_cell(text: str | None) -> str:
    """Return the cell of a text, which no spreadsheet runs. None gives an empty cell."""
    if not text:
        return ""
    begin = unicodedata.normalize("NFKC", text.lstrip()[:1])
    return MARK + text if _RUNS.match(text) or _RUNS.match(begin) else text


def number_cell(number: str | None) -> str:
    """Return the cell of a number that is a name, such as an order number.

    Spreadsheets would drop zeros in front, round it after 15 digits or make it a date.
    """
    if not number:
        return ""
    stays = any(form.fullmatch(number) for form in (_PLAIN_NUMBER, _ZEUS_ORDER_NO, _NAME))
    return text_cell(number) if stays else MARK + number


def csv_lines(rows: Iterable[Sequence[object]]) -> bytes:
    """Return rows of cells as lines of a CSV file (RFC 4180). None gives an empty cell."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
