"""Outcome of a POST: what it says about the application, and the values that are kept."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any

from app.applications.sending.exchange import ZeusExchange
from app.applications.states import ApplicationState
from app.zeus.application_answer import (
    ANSWER_FIELDS,
    MAX_ANSWER_BYTES,
    SUCCESS,
    AnswerKind,
    read_answer,
)

_STATES = {
    AnswerKind.ACCEPTED: ApplicationState.ACCEPTED,
    AnswerKind.FAILED: ApplicationState.FAILED,
    AnswerKind.REJECTED: ApplicationState.REJECTED,
    AnswerKind.UNCLEAR: ApplicationState.UNKNOWN,
}
_LONGEST_VALUE = 500
_UNFIT = re.compile(r"[\x00-\x1f\x7f\ufffd]")


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """What a POST says about the application. The names are columns of `applications`."""

    state: ApplicationState
    answer_status: int | None = None
    answer: bytes | None = field(default=None, repr=False)
    failure: str | None = None
    order_no: str | None = None
    pay_no1: str | None = None
    pay_no2: str | None = None
    pay_limit: str | None = None
    pay_url: str | None = None
    error_code: str | None = None
    parameter: str | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """Return the values of the columns, without the state."""
        values = asdict(self)
        del values["state"]
        return values


def not_sent(failure: str) -> SendOutcome:
    """Return the outcome of an application that never left this machine."""
    return SendOutcome(ApplicationState.NOT_SENT, failure=failure)


def outcome_of(exchange: ZeusExchange, pay_cvs: str) -> SendOutcome:
    """Return the outcome of a POST for a slip of the store `pay_cvs`.

    Only an exchange that ended before its connection stood is `not_sent`. Only a whole answer of
    Zeus's own form is clear. The order number of an unclear success is kept, since the call that
    resolves it has the same one.
    """
    if not exchange.begun:
        return not_sent(exchange.failure or "there was no connection")
    if exchange.status is None:
        return SendOutcome(ApplicationState.UNKNOWN, failure=exchange.failure or "no answer")
    told: dict[str, Any] = {
        "answer_status": exchange.status,
        "answer": exchange.body[:MAX_ANSWER_BYTES],
    }
    if exchange.packed:
        failure = "the answer has a content-encoding"
        return SendOutcome(ApplicationState.UNKNOWN, failure=failure, **told)
    answer = read_answer(
        exchange.status,
        exchange.body,
        complete=exchange.complete and exchange.failure is None,
        until_close=exchange.until_close,
        pay_cvs=pay_cvs,
    )
    values: dict[str, Any] = {name: answer.values.get(name) or None for name in ANSWER_FIELDS}
    success = values.pop("rel") == SUCCESS
    if any(len(text) > _LONGEST_VALUE or _UNFIT.search(text) for text in values.values() if text):
        failure = "the answer has a value that no slip can have"
        return SendOutcome(ApplicationState.UNKNOWN, failure=failure, **told)
    if answer.kind is AnswerKind.UNCLEAR:
        order_no = values["order_no"] if success else None
        failure = exchange.failure or _why_unclear(exchange)
        return SendOutcome(ApplicationState.UNKNOWN, failure=failure, order_no=order_no, **told)
    return SendOutcome(_STATES[answer.kind], parameter=answer.parameter, **values, **told)


def _why_unclear(exchange: ZeusExchange) -> str:
    if exchange.status != 200:
        return f"HTTP status {exchange.status}"
    if not exchange.complete:
        return "the answer is longer than any answer of Zeus"
    return "the answer has not the form of an answer of Zeus, or may be cut"
