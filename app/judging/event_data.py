"""Data of an event: the fields that subscribers read. A value without data is null."""

from datetime import datetime
from typing import Any
from uuid import UUID

from app.events.payload import timestamp
from app.events.types import OrderState
from app.judging.order_state import KnownOrder
from app.judging.verdicts import NewEvent
from app.zeus.parameters import BY_NAME, deadline_of, money_of
from app.zeus.statuses import Status
from app.zeus.stores import store_of
from app.zeus.wire import Call

STATE_OF = {
    Status.ACCEPTED: OrderState.AWAITING_PAYMENT,
    Status.FAILED: OrderState.FAILED,
    Status.EXPIRED: OrderState.EXPIRED,
    Status.PAID: OrderState.PAID,
    Status.CONFIRMED: OrderState.CONFIRMED,
    Status.REVERSED: OrderState.REVERSED,
    Status.PAID_AFTER_CANCEL: OrderState.PAID_AFTER_CANCEL,
    Status.CONFIRMED_AFTER_CANCEL: OrderState.CONFIRMED_AFTER_CANCEL,
    Status.REVERSED_AFTER_CANCEL: OrderState.REVERSED_AFTER_CANCEL,
}


def event_data(
    event: NewEvent, call: Call, order: KnownOrder, notice_id: UUID, received_at: datetime
) -> dict[str, Any]:
    """Return an event's `data` without personal data: canonical values, not their spellings."""
    value = {name: text or None for name, text in call.meant.items()}
    status = Status(call.meant["status"])
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
        "order": {"state": STATE_OF[order.current_status], "previous_status": event.previous},
        "store": _store(value.get("pay_cvs")),
        "payment_numbers": _payment_numbers(call),
        "payment_deadline": deadline.isoformat() if deadline else None,
        "clientip": value.get("clientip"),
        "sendid": value.get("sendid"),
        "sendpoint": value.get("sendpoint"),
        "flags": list(event.flags),
        "notice_id": str(notice_id),
        "received_at": timestamp(received_at),
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


def _payment_numbers(call: Call) -> list[dict[str, str]] | None:
    """Return the slip's numbers under the store chain's names for them, so that support and
    customer use the same words.
    """
    if "pay_no1" not in call.meant and "pay_no2" not in call.meant:
        return None
    store = store_of(call.meant.get("pay_cvs"))
    labels = {"pay_no1": store and store.pay_no1_label, "pay_no2": store and store.pay_no2_label}
    return [
        {"label": label or BY_NAME[name].japanese, "value": call.meant[name]}
        for name, label in labels.items()
        if call.meant.get(name)
    ]
