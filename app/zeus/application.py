"""Application for a payment slip: parameters, rules, and the form that is posted.

Source of every rule: manual, parameters of the application (申込パラメータ), edition 2020/6/30.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import unquote_to_bytes

from app.zeus.stores import STORES

ACTION: Final = "secure_order"
MONEY_RANGE: Final = range(200, 300_000)
"""Yen. The manual says 200 to 299,999."""


class Rule(StrEnum):
    """Rule that a value can break. The words are the reasons shown by API and simulator."""

    MISSING = "missing"
    TOO_LONG = "too_long"
    NOT_SHIFT_JIS = "not_shift_jis"
    REPEATED = "repeated"
    TEN_DIGITS = "must_be_ten_digits"
    ACTION = "must_be_secure_order"
    MONEY = "must_be_200_to_299999"
    FULL_WIDTH_KANA = "must_be_full_width_kana"
    ONLY_SPACES = "must_not_be_only_spaces"
    TELNO = "must_start_with_0_and_have_9_to_11_digits"
    EMAIL = "must_be_an_address_without_space"
    STORE = "must_be_a_store_code"
    FREE_ALPHABET = "has_a_character_that_is_not_allowed"
    DIGITS = "must_be_digits"
    TEST_TYPE = "must_be_0_1_or_2"
    BOTH_TEST_PARAMETERS = "needs_testid_and_test_type"


@dataclass(frozen=True, slots=True)
class ApplicationFault:
    """A rule broken by the value of one parameter."""

    parameter: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class ApplicationField:
    """Parameter of the application. `max_bytes` counts Shift_JIS (cp932) bytes."""

    name: str
    max_bytes: int
    required: bool
    rule: Rule
    holds: Callable[[str], bool]


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


# Letters, digits and these symbols. 0x5C is a backslash or a yen sign, one byte in Shift_JIS.
_FREE = _matches(r"[0-9A-Za-z\\#$%^~`\-_@\[\],/*?+=]*")

_KANA = re.compile("[ァ-ヶー\u3000]+")


def is_full_width_kana(text: str) -> bool:
    """Return True if `text` has only full-width katakana, the long vowel sign and full-width
    spaces.
    """
    return _KANA.fullmatch(text) is not None


def _is_money(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,6}", text) is not None and int(text) in MONEY_RANGE


FIELDS: Final[Mapping[str, ApplicationField]] = {
    field.name: field
    for field in (
        ApplicationField("clientip", 10, True, Rule.TEN_DIGITS, _matches(r"[0-9]{10}")),
        ApplicationField("act", 12, True, Rule.ACTION, ACTION.__eq__),
        ApplicationField("money", 6, True, Rule.MONEY, _is_money),
        ApplicationField("username", 40, True, Rule.FULL_WIDTH_KANA, is_full_width_kana),
        ApplicationField("telno", 11, True, Rule.TELNO, _matches(r"0[0-9]{8,10}")),
        ApplicationField("email", 50, True, Rule.EMAIL, _matches(r"[!-~]+@[!-~]+")),
        ApplicationField("pay_cvs", 4, True, Rule.STORE, STORES.__contains__),
        ApplicationField("sendid", 25, False, Rule.FREE_ALPHABET, _FREE),
        ApplicationField("sendpoint", 50, False, Rule.FREE_ALPHABET, _FREE),
        ApplicationField("testid", 8, False, Rule.DIGITS, _matches(r"[0-9]{1,8}")),
        ApplicationField("test_type", 1, False, Rule.TEST_TYPE, _matches(r"[012]")),
    )
}
"""Every parameter of the application, in the manual's order."""


def faults_of(values: Mapping[str, str]) -> list[ApplicationFault]:
    """Return every rule that `values` break, in the manual's order; none for a good application.

    An absent parameter and an empty one are the same.
    """
    faults = [
        fault for field in FIELDS.values() for fault in _faults(field, values.get(field.name, ""))
    ]
    if bool(values.get("testid")) != bool(values.get("test_type")):
        absent = "test_type" if values.get("testid") else "testid"
        faults.append(ApplicationFault(absent, Rule.BOTH_TEST_PARAMETERS))
    return faults


def _faults(field: ApplicationField, text: str) -> Iterator[ApplicationFault]:
    if not text:
        if field.required:
            yield ApplicationFault(field.name, Rule.MISSING)
        return
    size = size_of(text)
    if size is None:
        yield ApplicationFault(field.name, Rule.NOT_SHIFT_JIS)
    elif size > field.max_bytes:
        yield ApplicationFault(field.name, Rule.TOO_LONG)
    elif field.name == "username" and not text.strip("\u3000 "):
        yield ApplicationFault(field.name, Rule.ONLY_SPACES)
    elif not field.holds(text):
        yield ApplicationFault(field.name, field.rule)


def size_of(text: str) -> int | None:
    """Return the number of Shift_JIS bytes in `text`, or None if a character has no code."""
    try:
        return len(text.encode("cp932"))
    except UnicodeEncodeError:
        return None


def is_test(values: Mapping[str, str]) -> bool:
    """Return True for a test: both test parameters are sent (manual, test)."""
    return bool(values.get("testid")) and bool(values.get("test_type"))


_BARE: Final = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._*")


def encode_form(values: Mapping[str, str]) -> bytes:
    """Return the form body with `values` in Shift_JIS, in the manual's order.

    Empty values are left out. Every other byte is escaped, so that no trail byte of Shift_JIS meets
    the syntax of the form.

    Raises:
        UnicodeEncodeError: a value has a character that Shift_JIS (cp932) cannot write.
        KeyError: a key is no parameter of the application.
    """
    for name in values:
        FIELDS[name]
    given = [(name, values[name]) for name in FIELDS if values.get(name)]
    return b"&".join(name.encode() + b"=" + _escaped(text.encode("cp932")) for name, text in given)


def _escaped(raw: bytes) -> bytes:
    return b"".join(bytes([byte]) if byte in _BARE else b"%%%02X" % byte for byte in raw)


@dataclass(frozen=True, slots=True)
class ApplicationForm:
    """A received application: values of known parameters, names of unknown ones, faults of its
    bytes.
    """

    values: Mapping[str, str]
    unknown: tuple[str, ...]
    faults: tuple[ApplicationFault, ...]


def decode_form(body: bytes) -> ApplicationForm:
    """Read a posted form, escaped or raw, strictly as Shift_JIS, as the simulator must.

    Applications are never read as UTF-8, unlike calls: a shop that sends UTF-8 must learn it. The
    first of repeated values counts, and the repetition is a fault.
    """
    values: dict[str, str] = {}
    unknown: list[str] = []
    faults: list[ApplicationFault] = []
    for name, raw in _pairs(body):
        if name not in FIELDS:
            unknown.append(name)
        elif name in values:
            faults.append(ApplicationFault(name, Rule.REPEATED))
        else:
            text = _shift_jis(raw)
            values[name] = text if text is not None else ""
            if text is None:
                faults.append(ApplicationFault(name, Rule.NOT_SHIFT_JIS))
    return ApplicationForm(values, tuple(unknown), tuple(faults))


def _pairs(body: bytes) -> Iterator[tuple[str, bytes]]:
    for pair in body.strip(b"\r\n").split(b"&"):
        if pair:
            key, _, raw = pair.partition(b"=")
            name = unquote_to_bytes(key).decode("ascii", "backslashreplace")
            yield name, unquote_to_bytes(raw.replace(b"+", b" "))


def _shift_jis(raw: bytes) -> str | None:
    """Return the text of Shift_JIS bytes, or None.

    The lone bytes 80, A0, FD, FE and FF are no characters.
    """
    try:
        text = raw.decode("cp932")
    except UnicodeDecodeError:
        return None
    return None if re.search("[\x80\xa0\uf8f0-\uf8f3]", text) else text
