"""Canonical values: the meaning of a call's value, in any spelling."""

import re
from collections.abc import Mapping
from typing import Final
from unicodedata import category

_FREE: Final = frozenset({"username", "email", "sendid", "sendpoint"})
"""Words of the customer and the merchant, kept character by character."""

_INVISIBLE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
# Fillers, joiners and selectors of other categories that are drawn as nothing (Unicode,
# Default_Ignorable_Code_Point), and the empty pattern of Braille.
_DRAWN_AS_NOTHING = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)

_FULL_WIDTH: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
"""Full-width forms of ASCII, for str.translate."""
_HAS_FULL_WIDTH = re.compile("[\uff01-\uff5e]")
_ORDER_NO_FORM = re.compile(r"[0-9A-Za-z.-]+")
_PLAIN = re.compile(r"[!-~]*")
"""Texts of ASCII without blanks: nothing is cut from them."""
_DIGITS = re.compile(r"[0-9]+")


def is_invisible(character: str) -> bool:
    """Return True if a reader sees nothing: blanks, control and format characters, separators,
    fillers.
    """
    return (
        category(character) in _INVISIBLE_CATEGORIES
        or _DRAWN_AS_NOTHING.match(character) is not None
    )


def visible_part(text: str) -> tuple[int, int]:
    """Return the start and end of the part between the outer invisible characters."""
    begin, end = 0, len(text)
    while begin < end and is_invisible(text[begin]):
        begin += 1
    while begin < end and is_invisible(text[end - 1]):
        end -= 1
    return begin, end


def canonical(name: str, text: str) -> str:
    """Return the meaning of `text` as the value of the parameter `name`.

    Cuts outer invisible characters, turns full-width forms into ASCII, and removes an amount's
    leading zeros. Of an order_no only the outer characters change: any other sign could tell two
    orders apart. Words of customer and merchant stay unchanged.
    """
    if name in _FREE:
        return text
    # Decoding replaced NUL by U+FFFD. In an order_no, U+FFFD could also be a lost sign.
    begin, end = visible_part(text if name == "order_no" else text.replace("\ufffd", "\0"))
    text = text[begin:end]
    if name == "order_no":
        return text
    text = text.translate(_FULL_WIDTH)
    return canonical_amount(text) if name == "money" else text


def canonical_amount(text: str) -> str:
    """Return an amount without leading zeros, and any other text as it is."""
    return text.lstrip("0") or "0" if _DIGITS.fullmatch(text) else text


def has_invisible(text: str) -> bool:
    """Return True if the text has an invisible character anywhere."""
    return not _ORDER_NO_FORM.fullmatch(text) and any(map(is_invisible, text))


def canonical_values(values: Mapping[str, str]) -> dict[str, str]:
    """Return the meaning of each value of a call."""
    return {name: canonical(name, text) for name, text in values.items()}


def spelling_flags(values: Mapping[str, str], meant: Mapping[str, str]) -> set[str]:
    """Return flags for values that are understood despite a spelling that is not the manual's.

    `trimmed:NAME`: invisible characters around the value. `full_width:NAME`: full-width forms of
    ASCII. `unusual:order_no`: characters that the manual does not allow in an order_no.
    """
    flags = set()
    for name, text in values.items():
        if name in _FREE or _PLAIN.fullmatch(text):
            continue
        if visible_part(text) != (0, len(text)):
            flags.add(f"trimmed:{name}")
        if name != "order_no" and _HAS_FULL_WIDTH.search(text):
            flags.add(f"full_width:{name}")
    order_no = meant.get("order_no", "")
    if len(order_no) < len(values.get("order_no", "")):
        flags.add("trimmed:order_no")  # the text no longer shows a bare plus or a NUL at an end
    if order_no and not _ORDER_NO_FORM.fullmatch(order_no):
        flags.add("unusual:order_no")
    return flags
