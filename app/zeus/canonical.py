"""Canonical values: what the value of a call means, however it is spelled."""

import re
from collections.abc import Mapping
from typing import Final
from unicodedata import category

_FREE: Final = frozenset({"username", "email", "sendid", "sendpoint"})
"""The customer's and the merchant's own words: they mean what they say, character by character."""

_INVISIBLE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
# Fillers, joiners and selectors of other categories that are drawn as nothing (Unicode,
# Default_Ignorable_Code_Point), and the empty pattern of Braille.
_DRAWN_AS_NOTHING = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)

_FULL_WIDTH: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
"""The full-width forms of ASCII, for str.translate."""
_HAS_FULL_WIDTH = re.compile("[\uff01-\uff5e]")
_ORDER_NO_FORM = re.compile(r"[0-9A-Za-z.-]+")
_DIGITS = re.compile(r"[0-9]+")


def is_invisible(character: str) -> bool:
    """Return whether a reader sees nothing: blanks, control and format characters, separators, fillers."""
    return (
        category(character) in _INVISIBLE_CATEGORIES
        or _DRAWN_AS_NOTHING.match(character) is not None
    )


def visible_part(text: str) -> tuple[int, int]:
    """Return where the part between the outer invisible characters begins and ends."""
    begin, end = 0, len(text)
    while begin < end and is_invisible(text[begin]):
        begin += 1
    while begin < end and is_invisible(text[end - 1]):
        end -= 1
    return begin, end


def canonical(name: str, text: str) -> str:
    """Return what `text` means as the value of the parameter `name`.

    Outer invisible characters are cut, full-width forms become ASCII, and an amount loses its leading
    zeros. Only the outer characters of an order_no are touched: any other sign could tell two orders apart.
    The words of customer and merchant stay as they are.
    """
    if name in _FREE:
        return text
    # Decoding has put U+FFFD in the place of NUL. In an order_no it could be another sign that was lost.
    begin, end = visible_part(text if name == "order_no" else text.replace("\ufffd", "\0"))
    text = text[begin:end]
    if name == "order_no":
        return text
    text = text.translate(_FULL_WIDTH)
    return text.lstrip("0") or "0" if name == "money" and _DIGITS.fullmatch(text) else text


def has_invisible(text: str) -> bool:
    """Return whether an invisible character is somewhere in the text."""
    return not _ORDER_NO_FORM.fullmatch(text) and any(map(is_invisible, text))


def canonical_values(values: Mapping[str, str]) -> dict[str, str]:
    """Return what each value of a call means."""
    return {name: canonical(name, text) for name, text in values.items()}


def spelling_flags(values: Mapping[str, str], meant: Mapping[str, str]) -> set[str]:
    """Return the flags for values that are spelled otherwise than in the manual and are understood all the same.

    `trimmed:NAME`: invisible characters around the value. `full_width:NAME`: full-width forms of ASCII.
    `unusual:order_no`: characters that the manual does not allow in an order_no.
    """
    flags = set()
    for name, text in values.items():
        if name in _FREE or not text or (text.isascii() and text.isalnum()):
            continue
        if visible_part(text) != (0, len(text)):
            flags.add(f"trimmed:{name}")
        if name != "order_no" and _HAS_FULL_WIDTH.search(text):
            flags.add(f"full_width:{name}")
    order_no = meant.get("order_no", "")
    if len(order_no) < len(values.get("order_no", "")):
        flags.add("trimmed:order_no")  # a bare plus or a NUL at an end is not seen in the text
    if order_no and not _ORDER_NO_FORM.fullmatch(order_no):
        flags.add("unusual:order_no")
    return flags
