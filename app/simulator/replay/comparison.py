"""Comparison of a recording with what the simulator did: form, sequence and bytes, but no numbers.

Order numbers, payment numbers and deadlines are new in each run: they are compared by their form.
Values of customers are compared and never shown.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from app.simulator.replay.recording import RecordedCall, RecordedMail
from app.zeus.application_answer import read_answer
from app.zeus.mails import MailFacts, read_mail
from app.zeus.wire import decode

_NEW_IN_EACH_RUN = frozenset({"order_no", "pay_no1", "pay_no2", "pay_limit", "pay_url"})
_LABEL = re.compile(r"^■\s*(.+?)\s*[:：]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ParityDifference:
    """One difference: where it is, what differs, and both sides in words without personal data."""

    where: str
    what: str
    recorded: str
    simulated: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: recorded {self.recorded}, simulated {self.simulated}"


@dataclass(frozen=True, slots=True)
class ArrivedCall:
    """A call as the replay received it."""

    method: str
    http_version: str
    user_agent: bool
    query: bytes


def answer_differences(where: str, recorded: str, simulated: bytes) -> Iterator[ParityDifference]:
    """Yield how the answers to an application differ: names in sequence, and each value's form."""
    real, ours = recorded.encode("cp932", "replace"), simulated
    yield from _unlike(where, "line ends", _line_ends(real), _line_ends(ours))
    for what, shape in (("lines", _names), ("meaning", _meaning)):
        yield from _unlike(where, what, shape(real), shape(ours))
    left, right = read_answer(200, real).values, read_answer(200, ours).values
    for name in (name for name in left if name in right):
        yield from _unlike(where, name, _form(name, left[name]), _form(name, right[name]))


def _unlike(where: str, what: str, recorded: str, simulated: str) -> Iterator[ParityDifference]:
    if recorded != simulated:
        yield ParityDifference(where, what, recorded, simulated)


def _line_ends(body: bytes) -> str:
    lines, with_return = body.count(b"\n"), body.count(b"\r\n")
    return "none" if not lines else "CRLF" if lines == with_return else "LF"


def _names(body: bytes) -> str:
    return " ".join(read_answer(200, body).values) or "none"


def _meaning(body: bytes) -> str:
    read = read_answer(200, body)
    return f"{read.kind} {read.parameter or ''}".strip()


def _form(name: str, text: str) -> str:
    """Return the form of a value that is new in each run, and any other value itself."""
    if not text or name not in _NEW_IN_EACH_RUN:
        return text or "empty"
    if name == "pay_limit":
        return "8 digits" if re.fullmatch(r"[0-9]{8}", text) else "other text"
    return "given"


def call_differences(
    where: str, recorded: Sequence[RecordedCall], arrived: Sequence[ArrivedCall]
) -> Iterator[ParityDifference]:
    """Yield how the calls about one order differ: their statuses in sequence, then each of them."""
    real = [_status(call.query.encode("cp932", "replace")) for call in recorded]
    ours = [_status(call.query) for call in arrived]
    yield from _unlike(where, "calls", " ".join(real) or "none", " ".join(ours) or "none")
    if real == ours:
        for status, one, other in zip(real, recorded, arrived, strict=True):
            yield from _one_call(f"{where}: call {status}", one, other)


def _status(query: bytes) -> str:
    return decode(query).values.get("status", "?")


def _one_call(where: str, real: RecordedCall, ours: ArrivedCall) -> Iterator[ParityDifference]:
    yield from _unlike(where, "method", real.method, ours.method)
    yield from _unlike(where, "HTTP version", real.http_version, ours.http_version)
    yield from _unlike(where, "agent name", str(real.user_agent), str(ours.user_agent))
    left, right = _pairs(real.query.encode("cp932", "replace")), _pairs(ours.query)
    names = [" ".join(name for name, _ in pairs) for pairs in (left, right)]
    yield from _unlike(where, "parameters", *names)
    if names[0] == names[1]:
        for (name, one), (_, other) in zip(left, right, strict=True):
            yield from _unlike(f"{where}: {name}", "value", *_values(name, one, other))


def _pairs(query: bytes) -> list[tuple[str, bytes]]:
    pairs = (pair.partition(b"=") for pair in query.split(b"&") if pair)
    return [(name.decode("latin-1"), raw) for name, _, raw in pairs]


def _values(name: str, real: bytes, ours: bytes) -> tuple[str, str]:
    """Return both values in words: whether they are given, and whether their bytes are the same."""
    given = tuple("given" if raw else "empty" for raw in (real, ours))
    if given[0] != given[1] or name in _NEW_IN_EACH_RUN or real == ours:
        return given[0], given[1]
    same = decode(name.encode() + b"=" + real).meant == decode(name.encode() + b"=" + ours).meant
    return "its bytes", "the same text in other bytes" if same else "another text"


def mail_differences(
    where: str, recorded: Sequence[RecordedMail], simulated: Sequence[RecordedMail]
) -> Iterator[ParityDifference]:
    """Yield how the mails about one order differ: their kinds, and the labels of their fields.

    Mails and calls go different ways, so the sequence of mails counts for nothing.
    """
    real, ours = _sorted(recorded), _sorted(simulated)
    kinds = [" ".join(kind for kind, _ in mails) or "none" for mails in (real, ours)]
    yield from _unlike(where, "mails", *kinds)
    for one, other in zip_longest(real, ours) if kinds[0] == kinds[1] else ():
        yield from _unlike(f"{where}: {one[0]}", "fields", *(_labels(x[1]) for x in (one, other)))


def _sorted(mails: Sequence[RecordedMail]) -> list[tuple[str, str]]:
    return sorted((facts.kind, mail.text) for mail in mails if (facts := facts_of(mail)))


def facts_of(mail: RecordedMail) -> MailFacts | None:
    """Return what a mail says, or None for a mail that is not one of Zeus's."""
    return read_mail(mail.subject, mail.text)


def _labels(text: str) -> str:
    return " ".join(_LABEL.findall(text)) or "none"
