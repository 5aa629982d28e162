"""Customer's name and telephone number as people type them, in the form that Zeus takes.

Names become full-width katakana. What has no certain reading, such as kanji, is refused and never
guessed, and nothing is cut. Source of the form: manual, parameters of the application.
"""

import re
import unicodedata
from enum import StrEnum
from typing import Final

from app.zeus.application import FIELDS, is_full_width_kana, size_of

_SPACE: Final = "\u3000"
_HYPHENS: Final = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d\u2500\u2501\ufe63"
"""Signs that people type for the long vowel sign."""
_LONG_VOWEL: Final = "ー"
_HALF_WIDTH_KANA = re.compile("[\uff61-\uff9f]+")
_HIRAGANA: Final = {code: code + 0x60 for code in range(0x3041, 0x3097)}
_HYPHEN_AFTER_KANA = re.compile(f"(?<=[ァ-ヶー])[{re.escape(_HYPHENS)}]")
_NAME_BYTES: Final = FIELDS["username"].max_bytes


class NameFault(StrEnum):
    """Reason for which a name is refused."""

    MISSING = "missing"
    ONLY_SPACES = "must_not_be_only_spaces"
    TOO_LONG = "too_long"
    KANJI = "has_kanji"
    LETTERS = "has_letters_or_digits"
    CONTROL = "has_a_control_character"
    OTHER = "has_a_character_that_is_no_kana"


MESSAGES: Final = {
    NameFault.MISSING: "is missing",
    NameFault.ONLY_SPACES: "has only spaces",
    NameFault.TOO_LONG: f"is longer than {_NAME_BYTES} bytes of Shift_JIS (20 characters)",
    NameFault.KANJI: "has kanji; ask the customer for the reading in kana",
    NameFault.LETTERS: "has letters or digits; ask the customer for the reading in kana",
    NameFault.CONTROL: "has a line end or another control character",
    NameFault.OTHER: "has a character that is neither kana, nor ー, nor a space",
}
"""Text for each reason. It follows the name of the field and repeats nothing of the value."""


class NameRefused(ValueError):
    """A name cannot be sent; `fault` has the reason."""

    def __init__(self, fault: NameFault) -> None:
        super().__init__(MESSAGES[fault])
        self.fault = fault


def fold_name(typed: str) -> str:
    """Return the name in full-width katakana, as it is sent.

    Hiragana and half-width kana become full-width katakana, spaces U+3000, and a hyphen after kana
    the long vowel sign. Outer spaces go. Raise NameRefused for everything that is no kana then.
    """
    if any(unicodedata.category(character) == "Cc" for character in typed):
        raise NameRefused(NameFault.CONTROL)
    text = _HALF_WIDTH_KANA.sub(lambda found: unicodedata.normalize("NFKC", found[0]), typed)
    text = unicodedata.normalize("NFC", text).translate(_HIRAGANA)
    text = "".join(_SPACE if _is_space(character) else character for character in text)
    text = _with_long_vowels(text.strip(_SPACE))
    if not text:
        raise NameRefused(NameFault.ONLY_SPACES if typed else NameFault.MISSING)
    if not is_full_width_kana(text):
        raise NameRefused(_fault_of(text))
    if (size_of(text) or 0) > _NAME_BYTES:
        raise NameRefused(NameFault.TOO_LONG)
    return text


def _is_space(character: str) -> bool:
    return unicodedata.category(character) == "Zs"


def _with_long_vowels(text: str) -> str:
    """Return the text with each hyphen after kana as ー, also in a row of hyphens."""
    while (changed := _HYPHEN_AFTER_KANA.sub(_LONG_VOWEL, text)) != text:
        text = changed
    return text


def _fault_of(text: str) -> NameFault:
    """Return the reason against the first character that cannot be sent."""
    character = next(one for one in text if not is_full_width_kana(one))
    name = unicodedata.name(character, "")
    if name.startswith("CJK ") or character in "々〆〇":
        return NameFault.KANJI
    return NameFault.LETTERS if character.isalnum() and "KATAKANA" not in name else NameFault.OTHER


_TELEPHONE_NOISE = re.compile(f"[{re.escape(_HYPHENS)}{_LONG_VOWEL}\\s]")
_JAPAN = re.compile(r"\+81(0?)")


def fold_telephone(typed: str) -> str:
    """Return the telephone number in plain digits, from 0 on.

    Hyphens and blanks go, full-width digits become plain ones, and +81 becomes 0. Whatever else is
    there stays, so that the rule of the field refuses it.
    """
    plain = _TELEPHONE_NOISE.sub("", unicodedata.normalize("NFKC", typed))
    return _JAPAN.sub("0", plain, count=1) if plain.startswith("+81") else plain
