"""Rows of applications as values: what is shown, and what is hidden once nothing can be paid."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any, Final

from app.applications import customer_messages as messages
from app.applications.customer_messages import Message, is_safe_link
from app.applications.request import POINTERS
from app.applications.states import ApplicationState, TestKind
from app.clock import now
from app.db.tables.applications import ApplicationRow
from app.events.types import OrderState
from app.operations.applications.models import (
    Application,
    ApplicationProblem,
    MessageText,
    OrderOfApplication,
    SlipNumber,
    StoreOfApplication,
)
from app.operations.masking import mask_values
from app.zeus.error_codes import error_details
from app.zeus.parameters import BY_NAME, deadline_of
from app.zeus.stores import store_of

JAPAN: Final = timezone(timedelta(hours=9))
_PAYABLE: Final = frozenset({None, OrderState.AWAITING_PAYMENT, OrderState.REVERSED})
_COPIED: Final = (
    "id",
    "money",
    "order_no",
    "sendid",
    "sendpoint",
    "clientip",
    "replaces",
    "created_at",
    "created_by",
    "sent_at",
    "answered_at",
    "called_at",
    "resolved_at",
    "resolved_by",
)


@dataclass(frozen=True, slots=True)
class SlipFacts:
    """What other rows say about the slip of an application."""

    order_state: OrderState | None = None
    """State of its order; None before the first call."""
    is_replaced: bool = False
    """True if a later application replaces it."""


def application_of(
    row: ApplicationRow,
    facts: SlipFacts,
    *,
    personal: bool = False,
    support: str | None = None,
) -> Application:
    """Return an application as it is now. `support` is the contact that messages name."""
    state = ApplicationState(row.state)
    deadline = deadline_of(row.pay_limit)
    ends_at = end_of(deadline) if deadline else None
    to_pay = _is_payable(state, facts, ends_at)
    numbers = payment_numbers(row.pay_cvs, row.pay_no1, row.pay_no2) if to_pay else None
    redirect = row.pay_url if to_pay and row.pay_url and is_safe_link(row.pay_url) else None
    store = store_of(row.pay_cvs)
    return Application(
        **{name: getattr(row, name) for name in _COPIED},
        state=state,
        store=StoreOfApplication(code=row.pay_cvs, name=store.name if store else None),
        payment_numbers=numbers,
        payment_deadline=deadline.isoformat() if deadline else None,
        deadline_at=ends_at,
        deadline_assumed=deadline is not None,
        redirect_url=redirect,
        error=_error_of(row, support),
        message=_message_of(row, facts, numbers, support),
        test=TestKind(row.test) if row.test else None,
        customer=_customer_of(row.customer, personal=personal),
        order=OrderOfApplication(state=facts.order_state) if facts.order_state else None,
    )


def end_of(day: date) -> datetime:
    """Return the last second of a day in Japan."""
    return datetime.combine(day, time(23, 59, 59), JAPAN)


def payment_numbers(pay_cvs: str, pay_no1: str | None, pay_no2: str | None) -> list[SlipNumber]:
    """Return the numbers of a slip, labelled as the store chain names them."""
    store = store_of(pay_cvs)
    given = (
        ("pay_no1", pay_no1, store and store.pay_no1_label),
        ("pay_no2", pay_no2, store and store.pay_no2_label),
    )
    return [
        SlipNumber(label=label or BY_NAME[name].japanese, value=value)
        for name, value, label in given
        if value
    ]


def _is_payable(state: ApplicationState, facts: SlipFacts, ends_at: datetime | None) -> bool:
    """Return True while the slip can be paid and shall be paid."""
    if state is not ApplicationState.ACCEPTED or facts.is_replaced:
        return False
    return facts.order_state in _PAYABLE and (ends_at is None or now() <= ends_at)


def _customer_of(customer: Mapping[str, Any] | None, *, personal: bool) -> dict[str, Any] | None:
    if customer is None:
        return None
    return dict(customer) if personal else mask_values(customer)


def _error_of(row: ApplicationRow, support: str | None) -> ApplicationProblem | None:
    if row.state not in (ApplicationState.FAILED, ApplicationState.REJECTED):
        return None
    details = error_details(row.error_code, row.parameter)
    return ApplicationProblem(
        zeus_code=row.error_code,
        field=POINTERS.get(row.parameter or ""),
        who_can_act=details.who_can_act,
        retry=details.retry,
        message=_text_of(messages.error_message(row.error_code, row.parameter, support)),
    )


def _message_of(
    row: ApplicationRow,
    facts: SlipFacts,
    numbers: list[SlipNumber] | None,
    support: str | None,
) -> MessageText:
    """Return the text for the customer, for the state of now."""
    state, deadline = ApplicationState(row.state), deadline_of(row.pay_limit)
    if state is ApplicationState.ACCEPTED and numbers is None:
        order_state = "" if facts.is_replaced else facts.order_state or OrderState.EXPIRED
        return _text_of(messages.ended_message(order_state, support))
    if state is ApplicationState.ACCEPTED:
        pairs = [(number.label, number.value) for number in numbers or ()]
        found = messages.success_message(row.pay_cvs, pairs, deadline, row.pay_url, support)
        return _text_of(found)
    if state is ApplicationState.NOT_SENT:
        return _text_of(messages.not_sent_message(support))
    if state in (ApplicationState.SENDING, ApplicationState.UNKNOWN):
        return _text_of(messages.waiting_message(support))
    return _text_of(messages.error_message(row.error_code, row.parameter, support))


def _text_of(message: Message) -> MessageText:
    return MessageText(ja=message.ja, en=message.en)
