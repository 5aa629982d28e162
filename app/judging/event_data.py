"""Data of an event: the fields that subscribers read. A value without data is null."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.events.payload import timestamp
from app.order_life.change import NewEvent
from app.order_life.order_state import KnownOrder
from app.order_life.relatives import Relative
from app.zeus.parameters import BY_NAME, deadline_of, money_of
from app.zeus.statuses import Status
from app.zeus.stores import store_of
from app.zeus.wire import Call


class Source(StrEnum):
    """What an event follows from: a notice by its origin, a decision, or a passed time."""

    CALL = "call"
    RECONCILIATION = "reconciliation"
    MAIL = "mail"
    OPERATOR = "operator"
    TIMER = "timer"


@dataclass(frozen=True, slots=True)
class Cause:
    """Cause of a change: its source, and the notice with its call if there is one.

    `occurred_at` is the time that Zeus's mail states.
    """

    source: Source
    notice_id: UUID | None = None
    received_at: datetime | None = None
    call: Call | None = None
    occurred_at: datetime | None = None


def event_data(
    event: NewEvent, order: KnownOrder, cause: Cause, related: Sequence[Relative] = ()
) -> dict[str, Any]:
    """Return an event's `data` without personal data: canonical values, not their spellings.

    What a call says carries the values of that call. What is derived carries the order's.
    """
    said = cause.call.meant if cause.call and not event.is_derived else None
    values = order.values if said is None else said
    status = order.current_status if said is None else Status(said["status"])
    value = {name: text or None for name, text in values.items()}
    deadline = deadline_of(value.get("pay_limit"))
    data: dict[str, Any] = {
        "order_no": order.order_no,
        "sequence": event.sequence,
        "occurrence": event.occurrence,
        "zeus": {
            "status": status.value,
            "status_name": status.japanese,
            "error_code": value.get("error_code"),
        },
        "money": money_of(value.get("money")),
        "currency": "JPY",
        "payable": status.payable,
        "final": status.final,
        "order": {"state": order.state, "previous_status": event.previous},
        "store": _store(value.get("pay_cvs")),
        "payment_numbers": _payment_numbers(values),
        "payment_deadline": deadline.isoformat() if deadline else None,
        "clientip": value.get("clientip"),
        "sendid": value.get("sendid"),
        "sendpoint": value.get("sendpoint"),
        "flags": list(event.flags),
        "related_orders": [one._asdict() for one in related],
        "differing": [one.in_event for one in event.differing],
        "application_id": str(order.application_id) if order.application_id else None,
        "test": order.test,
        "source": cause.source,
        "notice_id": str(cause.notice_id) if cause.notice_id else None,
        "received_at": timestamp(cause.received_at) if cause.received_at else None,
        "occurred_at": timestamp(cause.occurred_at) if cause.occurred_at else None,
    }
    if event.review is not None:
        data["review"] = event.review
    return data


def customer_of(call: Call) -> dict[str, Any]:
    """Return the personal part of an event.

    It is separate so that it can be withheld and erased.
    """
    values = call.values
    return {
        "name": values.get("username") or None,
        "telno": values.get("telno") or None,
        "email": values.get("email") or None,
    }


def _store(code: str | None) -> dict[str, Any] | None:
    if code is None:
        return None
    store = store_of(code)
    return {"code": code, "name": store.name if store else None}


def _payment_numbers(values: Mapping[str, str]) -> list[dict[str, str]] | None:
    """Return the slip's numbers under the store chain's names for them, so that support and
    customer use the same words.
    """
    if "pay_no1" not in values and "pay_no2" not in values:
        return None
    store = store_of(values.get("pay_cvs"))
    labels = {"pay_no1": store and store.pay_no1_label, "pay_no2": store and store.pay_no2_label}
    return [
        {"label": label or BY_NAME[name].japanese, "value": values[name]}
        for name, label in labels.items()
        if values.get(name)
    ]
