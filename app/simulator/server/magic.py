"""Magic values: what a customer's address or telephone number makes happen to an application.

The ending of the e-mail's local part (`anyone+confirmed@example.com`) or the last four digits of
the telephone number (`03-1234-9005`) choose the outcome, so a shop's own form reaches all of them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from app.simulator.state.faults import AnswerFaults
from app.simulator.state.transitions import SlipAction


@dataclass(frozen=True, slots=True)
class Magic:
    """One outcome.

    `word` ends the local part, `digits` end the telephone number. `actions` happen one after the
    other as soon as the slip exists; `error_code` fails the application; `answer` spoils the
    answer; `calls_lost` makes no call, `mails_lost` sends no mail.
    """

    word: str
    digits: str
    about: str
    actions: tuple[SlipAction, ...] = ()
    error_code: str | None = None
    rejected_parameter: str | None = None
    answer: AnswerFaults | None = None
    calls_lost: bool = False
    mails_lost: bool = False


_PAY, _CONFIRM, _TAKE_BACK = SlipAction.PAY, SlipAction.CONFIRM, SlipAction.TAKE_BACK

MAGIC: Final[tuple[Magic, ...]] = (
    Magic("unpaid", "9001", "nothing happens after the application"),
    Magic("paid", "9004", "paid at once, not confirmed", (_PAY,)),
    Magic("confirmed", "9005", "paid and confirmed", (_PAY, _CONFIRM)),
    Magic("reversed", "9006", "paid and taken back", (_PAY, _TAKE_BACK)),
    Magic(
        "paid-again",
        "9007",
        "paid, taken back, paid again, confirmed",
        (_PAY, _TAKE_BACK, _PAY, _CONFIRM),
    ),
    Magic("expired", "9003", "never paid, the deadline passes", (SlipAction.EXPIRE,)),
    Magic(
        "paid-after-reissue",
        "9011",
        "re-issued, then the old slip is paid",
        (SlipAction.REISSUE, _PAY),
    ),
    Magic(
        "confirmed-after-reissue",
        "9012",
        "re-issued, the old slip is paid and confirmed",
        (SlipAction.REISSUE, _PAY, _CONFIRM),
    ),
    Magic(
        "reversed-after-reissue",
        "9013",
        "re-issued, the old slip is paid and taken back",
        (SlipAction.REISSUE, _PAY, _TAKE_BACK),
    ),
    Magic(
        "stopped",
        "9014",
        "the service is stopped, then the slip is paid: no call",
        (SlipAction.STOP, _PAY),
    ),
    Magic("error-800000", "9100", "fails with 800000", error_code="800000"),
    Magic("error-800001", "9101", "fails with 800001", error_code="800001"),
    Magic("error-800002", "9102", "fails with 800002", error_code="800002"),
    Magic("error-900000", "9190", "fails with 900000", error_code="900000"),
    Magic("error-0008", "9108", "fails with 0008", error_code="0008"),
    Magic("error-0011", "9111", "fails with 0011", error_code="0011"),
    Magic("error-0013", "9113", "fails with 0013", error_code="0013"),
    Magic(
        "rejected",
        "9120",
        "no rel=, the answer names the parameter username",
        rejected_parameter="username",
    ),
    Magic(
        "answer-lost",
        "9200",
        "the slip is made, the answer is lost, the calls come",
        answer=AnswerFaults(lost=True),
    ),
    Magic(
        "answer-late", "9241", "the answer comes after 50 seconds", answer=AnswerFaults(delay=50)
    ),
    Magic(
        "answer-slow", "9239", "the answer comes after 39 seconds", answer=AnswerFaults(delay=39)
    ),
    Magic("answer-half", "9202", "half of the answer comes", answer=AnswerFaults(half=True)),
    Magic(
        "answer-html",
        "9203",
        "an HTML page comes instead of the answer",
        answer=AnswerFaults(html=True),
    ),
    Magic(
        "calls-lost",
        "9300",
        "paid and confirmed, no call comes, the mails come",
        (_PAY, _CONFIRM),
        calls_lost=True,
    ),
    Magic(
        "mails-lost",
        "9301",
        "paid and confirmed, no mail comes, the calls come",
        (_PAY, _CONFIRM),
        mails_lost=True,
    ),
    Magic(
        "all-lost",
        "9302",
        "paid and confirmed, neither a call nor a mail comes",
        (_PAY, _CONFIRM),
        calls_lost=True,
        mails_lost=True,
    ),
)

_BY_WORD: Final[Mapping[str, Magic]] = {magic.word: magic for magic in MAGIC}
_BY_DIGITS: Final[Mapping[str, Magic]] = {magic.digits: magic for magic in MAGIC}


def magic_of(values: Mapping[str, str]) -> Magic | None:
    """Return the outcome that an application asks for by e-mail, else by telephone, or None."""
    return next((magic for magic in _asked_for(values) if magic), None)


def _asked_for(values: Mapping[str, str]) -> Iterator[Magic | None]:
    local, _, _ = values.get("email", "").partition("@")
    yield _BY_WORD.get(local.rpartition("+")[2]) if "+" in local else None
    yield _BY_DIGITS.get(values.get("telno", "")[-4:])
