"""Search input as people type and paste it: full-width characters, blanks, dashes, amounts and
dates.
"""

import re
import unicodedata

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_DASHES = "\u2212\u30fc\u2500\u2501"
"""Signs typed for a hyphen that are no dashes in Unicode: minus, the Japanese long vowel, box
lines.
"""
_DATE = re.compile(
    r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{4})([0-9]{2})([0-9]{2})"
)
_MONEY = re.compile(r"[¥\\]?([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)円?")
_KNOWN = text("""
SELECT EXISTS (SELECT 1 FROM orders WHERE order_no = :order_no) OR EXISTS (SELECT 1 FROM notices
  WHERE order_no = :order_no)
""")


def fold(typed: str) -> str:
    """Return the plain spelling: half-width, every dash as `-`, without blanks and invisible
    characters.
    """
    return "".join(map(_plain, unicodedata.normalize("NFKC", typed)))


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Pd" or character in _DASHES:
        return "-"
    return "" if character.isspace() or category in ("Cf", "Cc") else character


def fold_tail(typed: object) -> object:
    """Return the end of a telephone number in plain digits; anything but text unchanged."""
    return fold(typed).removeprefix("-") if isinstance(typed, str) else typed


def fold_money(typed: object) -> object:
    """Return an amount such as `￥5,400` or `5400円` in plain digits; anything else unchanged."""
    found = _MONEY.fullmatch(fold(typed)) if isinstance(typed, str) else None
    return found[1].replace(",", "") if found else typed


def fold_date(typed: object) -> object:
    """Return a day such as `2026/11/23`, `2026年11月23日` or `20261123` as `2026-11-23`.

    Anything else comes back unchanged.
    """
    found = _DATE.fullmatch(fold(typed)) if isinstance(typed, str) else None
    if found is None:
        return typed
    year, month, day = (part for part in found.groups() if part is not None)
    return f"{year}-{int(month):02}-{int(day):02}"


async def known_order_no(session: AsyncSession, typed: str) -> str:
    """Return the order number as typed if an order or notice has it, else its plain spelling."""
    plain = fold(typed)
    if plain in ("", typed) or await session.scalar(_KNOWN, {"order_no": typed}):
        return typed
    return plain
