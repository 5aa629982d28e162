"""The 14 parameters of a CGI call: sizes, forms and readers of their values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the CGI call (manual, CGI call table).

    `max_bytes` counts cp932 bytes; `form` describes the allowed characters; `personal` marks what
    identifies the customer.
    """

    name: str
    japanese: str
    max_bytes: int
    form: str
    personal: bool = False


_ECHO = "ASCII letters, digits and some symbols"

PARAMETERS: Final[tuple[Parameter, ...]] = (
    Parameter("clientip", "IPコード", 10, "digits"),
    Parameter("money", "金額", 6, "digits, yen"),
    Parameter("username", "氏名", 40, "full-width kana and space", personal=True),
    Parameter("telno", "電話番号", 11, "digits", personal=True),
    Parameter("email", "E-mail", 50, "ASCII", personal=True),
    Parameter("sendid", "フリーパラメータ", 25, _ECHO),
    Parameter("sendpoint", "フリーパラメータ", 50, _ECHO),
    Parameter("order_no", "オーダー番号", 50, "letters, digits, full stop and hyphen"),
    Parameter("pay_cvs", "利用コンビニ", 4, "letters and digits"),
    Parameter("pay_no1", "払込用番号1", 20, "letters and digits"),
    Parameter("pay_no2", "払込用番号2", 20, "letters and digits"),
    Parameter("pay_limit", "支払期限", 8, "yyyymmdd, a calendar day in Japan"),
    Parameter("status", "ステータス", 2, "digits"),
    Parameter("error_code", "エラーコード", 6, "digits; a string, leading zeros count"),
)
"""All parameters in the manual's order.

The merchant chooses which are sent, so any may be absent from a call.
"""

BY_NAME: Final[Mapping[str, Parameter]] = MappingProxyType(
    {parameter.name: parameter for parameter in PARAMETERS}
)
PERSONAL: Final[frozenset[str]] = frozenset(
    parameter.name for parameter in PARAMETERS if parameter.personal
)

# Postgres's bigint holds every number of 18 digits, and int() refuses more than 4,300.
_MONEY = re.compile(r"[0-9]{1,18}")
_DEADLINE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_TAIL = re.compile(r"[0-9]{4}\Z")


def oversize(values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names in `values` that are longer than the manual allows, in its order.

    Skips other keys.
    """
    return tuple(
        name
        for name, parameter in BY_NAME.items()
        if name in values and _size(values[name]) > parameter.max_bytes
    )


def money_of(text: str | None) -> int | None:
    """Return the amount in yen, or None for anything but 1 to 18 ASCII digits."""
    return int(text) if text is not None and _MONEY.fullmatch(text) else None


def telno_tail_of(text: str | None) -> str | None:
    """Return the last four digits of a telephone number, or None if it does not end in four ASCII
    digits.
    """
    tail = _TAIL.search(text or "")
    return tail[0] if tail else None


def deadline_of(text: str | None) -> date | None:
    """Return the payment deadline in yyyymmdd, or None if that is no day of the calendar."""
    matched = _DEADLINE.fullmatch(text) if text is not None else None
    if matched is None:
        return None
    year, month, day = map(int, matched.groups())
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _size(text: str) -> int:
    """Return the length of `text` in the bytes that Zeus counts: cp932, or UTF-8 if a character has
    no code in cp932.
    """
    if text.isascii():
        return len(text)
    try:
        return len(text.encode("cp932"))
    except UnicodeEncodeError:
        return len(text.encode("utf-8", "surrogatepass"))
