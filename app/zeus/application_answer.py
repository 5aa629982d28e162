"""Answer of cvs.cgi to an application: lines of `name=value`, read and written.

Source: manual, answer to the application (申込結果).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from app.zeus.application import FIELDS
from app.zeus.stores import store_of

SUCCESS: Final = "Success_order"
FAILURE: Final = "failure_order"
ANSWER_FIELDS: Final = (
    "rel",
    "order_no",
    "pay_no1",
    "pay_no2",
    "pay_limit",
    "pay_url",
    "error_code",
)
"""Names in the manual's order. A reader must not rely on it."""
MAX_ANSWER_BYTES: Final = 64 * 1024


class AnswerKind(StrEnum):
    """Meaning of an answer about the application."""

    ACCEPTED = "accepted"
    """`Success_order` with an order number: the slip exists."""
    FAILED = "failed"
    """`failure_order`: no slip was made."""
    REJECTED = "rejected"
    """Neither word, but the name of a parameter: Zeus refused a value (manual, parameter error)."""
    UNCLEAR = "unclear"
    """Anything else. A slip may exist, so the application must not be sent again."""


@dataclass(frozen=True, slots=True)
class ApplicationAnswer:
    """An answer as understood. `parameter` is the one that a rejected answer names, else None."""

    kind: AnswerKind
    values: Mapping[str, str] = field(default_factory=dict)
    parameter: str | None = None

    @property
    def order_no(self) -> str | None:
        """Return the order number, or None."""
        return self.values.get("order_no") or None

    @property
    def error_code(self) -> str | None:
        """Return the error code, a string whose leading zeros count, or None."""
        return self.values.get("error_code") or None


_LINE = re.compile(r"[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*=(.*)")
_MARKUP = re.compile(rb"<\s*(?:!doctype|html|head|body|title)\b", re.IGNORECASE)
_PARAMETER = re.compile(
    r"(?<![0-9A-Za-z_])(" + "|".join(sorted(FIELDS, key=len, reverse=True)) + r")(?![0-9A-Za-z_])"
)


def read_answer(
    status: int,
    body: bytes,
    *,
    complete: bool = True,
    until_close: bool = False,
    pay_cvs: str | None = None,
) -> ApplicationAnswer:
    """Return the meaning of the answer of HTTP `status` with `body`. Never raises.

    `complete` is False if the body was cut: then only whole lines count, and missing ones leave the
    answer unclear. Any status but 200, markup, or a body over MAX_ANSWER_BYTES is unclear: a
    proxy's error page can quote anything.

    `until_close` tells that the body ended with its connection, so that nobody can see whether it
    was cut. It is clear if its whole lines have all that the store of `pay_cvs` needs.
    """
    if status != 200 or len(body) > MAX_ANSWER_BYTES or _MARKUP.search(body):
        return ApplicationAnswer(AnswerKind.UNCLEAR)
    text = _text_of(body)
    values = _values_of(text, complete=complete and not until_close)
    if until_close and not _is_whole(values, text, pay_cvs):
        return ApplicationAnswer(AnswerKind.UNCLEAR, values)
    return ApplicationAnswer(
        _kind_of(values, text, complete=complete), values, _named(values, text, complete=complete)
    )


def _kind_of(values: Mapping[str, str], text: str, *, complete: bool) -> AnswerKind:
    rel = values.get("rel")
    if rel == SUCCESS:
        return AnswerKind.ACCEPTED if _has_slip(values) and complete else AnswerKind.UNCLEAR
    if rel == FAILURE:
        return AnswerKind.FAILED if complete else AnswerKind.UNCLEAR
    named = _named(values, text, complete=complete)
    return AnswerKind.UNCLEAR if named is None else AnswerKind.REJECTED


def _is_whole(values: Mapping[str, str], text: str, pay_cvs: str | None) -> bool:
    """Return True if whole lines say all that is needed, whatever a cut may have taken."""
    rel, store = values.get("rel"), store_of(pay_cvs)
    if rel == SUCCESS:
        two = store is None or store.pay_no2_label is not None
        needed = ["order_no", "pay_no1", "pay_limit", *(["pay_no2"] if two else [])]
        return all(values.get(name) for name in needed)
    if rel == FAILURE:
        return bool(values.get("error_code"))
    return rel is None and text.endswith("\n") and not any(name in text for name in ANSWER_FIELDS)


def _has_slip(values: Mapping[str, str]) -> bool:
    return bool(values.get("order_no")) and bool(values.get("pay_no1") or values.get("pay_url"))


def _named(values: Mapping[str, str], text: str, *, complete: bool) -> str | None:
    """Return the parameter that a body without `rel` names, or None."""
    if "rel" in values or not complete or SUCCESS in text or FAILURE in text:
        return None
    found = _PARAMETER.search(text)
    return found[1] if found else None


def _text_of(body: bytes) -> str:
    """Return the body's text: UTF-8 if it is valid and not only ASCII, else Shift_JIS."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp932", "replace")


def _values_of(text: str, *, complete: bool) -> dict[str, str]:
    """Return the value of each name.

    The first of repeated names counts, and only the first `=` divides.
    """
    lines = re.split(r"\r\n|\n|\r", text)
    if not complete:
        lines = lines[:-1]  # the last line may be cut in its middle
    values: dict[str, str] = {}
    for line in lines:
        if found := _LINE.fullmatch(line):
            values.setdefault(found[1], found[2].strip())
    return values


def write_answer(values: Mapping[str, str]) -> bytes:
    """Return the body of an answer: every name of ANSWER_FIELDS, empty values included, lines in
    CRLF.
    """
    lines = (f"{name}={values.get(name, '')}\r\n" for name in ANSWER_FIELDS)
    return "".join(lines).encode("cp932")
