"""Export of Zeus's sales console (売上管理画面): headings, order numbers, statuses and amounts.

The manual names the export but neither its columns nor its spellings. The headings are those of the
console's screens and of the calls' parameters; callers can name others.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from unicodedata import normalize

from app.zeus.canonical import canonical
from app.zeus.parameters import money_of
from app.zeus.statuses import FACTS, Status

HEADINGS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "order_no": ("order_no", "オーダーno", "オーダno", "オーダー番号", "オーダー", "注文番号"),
        "status": ("status", "ステータス", "決済状況", "状況", "状態"),
        "money": ("money", "金額", "決済金額", "請求金額", "入金額"),
    }
)
"""The headings of each field, folded as `fold_heading` folds them."""

REQUIRED: Final = ("order_no", "status")
"""The fields without which a file cannot be compared."""

NEVER_CALLED: Final = frozenset({"キャンセル", "番組停止"})
"""States of the console that no call tells (manual, status table)."""

_NAMES: Final[Mapping[str, Status]] = MappingProxyType(
    {
        **{facts.japanese: status for status, facts in FACTS.items()},
        **{status.value: status for status in Status},
        **{status.value.lstrip("0"): status for status in Status},
    }
)
_LONGEST_ORDER_NO = 255
"""Bytes of an order_no at most. The manual allows 50."""
_AS_TEXT = re.compile(r'="(.*)"', re.DOTALL)
_ROUNDED = re.compile(r"[0-9](\.[0-9]+)?[eE]\+[0-9]+")
_FORMULA_SIGNS = ("=", "+", "@", "\t")
_AMOUNT = re.compile(r"[¥\\]?([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.0+)?円?")


class CellFault(StrEnum):
    """Reason why a cell cannot be read. The value is its text, without the cell's."""

    FORMULA = "the cell holds a formula; save the values as text"
    NO_ORDER_NO = "the order number is missing"
    ROUNDED = "a spreadsheet has rounded the order number; export the column as text"
    LONG = "the order number is too long"
    UNKNOWN_STATUS = "unknown status; known are the names and codes of Zeus's status table"
    NO_AMOUNT = "not an amount in yen"


class BadCell(ValueError):
    """A cell that cannot be read, and why."""

    def __init__(self, fault: CellFault) -> None:
        """Say why."""
        super().__init__(fault.value)
        self.fault = fault


def fold_heading(text: str) -> str:
    """Return a heading without blanks, in half-width lower case."""
    return "".join(normalize("NFKC", text).lower().split())


def plain(cell: str) -> str:
    """Return the text of a cell without the signs that keep a spreadsheet from converting it.

    Raises BadCell for a formula: its result is not in the file.
    """
    text = cell.strip()
    as_text = _AS_TEXT.fullmatch(text)
    if as_text:
        return as_text[1].strip()
    text = text.removeprefix("'")
    if text.startswith(_FORMULA_SIGNS):
        raise BadCell(CellFault.FORMULA)
    return text


def order_no_of(cell: str) -> str:
    """Return the order number of a cell. Raises BadCell for none, and for one that was rounded."""
    text = canonical("order_no", plain(cell))
    if not text:
        raise BadCell(CellFault.NO_ORDER_NO)
    if _ROUNDED.fullmatch(text):
        raise BadCell(CellFault.ROUNDED)
    if len(text.encode()) > _LONGEST_ORDER_NO:
        raise BadCell(CellFault.LONG)
    return text


def status_of(cell: str) -> Status | None:
    """Return the status of a cell by its name or code, None for a state that no call tells.

    Raises BadCell for an unknown one.
    """
    text = "".join(normalize("NFKC", plain(cell)).split())
    if text in NEVER_CALLED:
        return None
    if text not in _NAMES:
        raise BadCell(CellFault.UNKNOWN_STATUS)
    return _NAMES[text]


def amount_of(cell: str) -> int | None:
    """Return the yen of a cell, None for an empty one. Raises BadCell for anything else."""
    text = "".join(normalize("NFKC", plain(cell)).split())
    if not text:
        return None
    found = _AMOUNT.fullmatch(text)
    money = money_of(found[1].replace(",", "")) if found else None
    if money is None:
        raise BadCell(CellFault.NO_AMOUNT)
    return money
