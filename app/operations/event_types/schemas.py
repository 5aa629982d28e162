"""JSON Schemas of events, one for each type. Pure."""

from collections.abc import Mapping
from typing import Any

from app.events.types import OPERATIONAL, EventType, OrderState
from app.judging.event_data import Source
from app.judging.rules import EVENT_OF
from app.operations.event_types.fields import (
    DEAD_FIELDS,
    MOMENT,
    NAMES,
    ORDER_FIELDS,
    SUBSCRIBER_FIELDS,
    TEST_FIELDS,
    EventField,
)
from app.order_life.reviews import Reason
from app.zeus.statuses import Status

DRAFT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]
Fields = Mapping[str, EventField]

DESCRIPTIONS: Mapping[EventType, str] = {
    EventType.ORDER_ACCEPTED: "Zeus accepted the application; the customer can pay (01).",
    EventType.ORDER_FAILED: "The application failed (02).",
    EventType.ORDER_EXPIRED: "The payment deadline passed without a payment (03).",
    EventType.PAYMENT_RECEIVED: "A store took the money: the prompt report (04).",
    EventType.PAYMENT_CONFIRMED: "The head office of the chain confirmed the payment (05).",
    EventType.PAYMENT_REVERSED: "The payment was taken back at the store (06).",
    EventType.CANCELLED_ORDER_PAYMENT_RECEIVED: "A cancelled slip was paid: prompt report (11).",
    EventType.CANCELLED_ORDER_PAYMENT_CONFIRMED: "The payment of a cancelled slip is final (12).",
    EventType.CANCELLED_ORDER_PAYMENT_REVERSED: "Such a payment was taken back (13).",
    EventType.ORDER_EXPIRY_PRESUMED: "The deadline passed and Zeus reported nothing.",
    EventType.ORDER_RELEASED: "The goods may be sent. Made once in a payment cycle.",
    EventType.ORDER_RELEASE_REVOKED: "The payment was reversed after the goods were released.",
    EventType.REVIEW_REQUIRED: "A human must look at the order.",
    EventType.REVIEW_SETTLED: "A review has ended.",
    EventType.WEBHOOK_TEST: "A test, sent by an operator.",
    EventType.SUBSCRIBER_FAILING: "Webhooks to another subscriber keep failing.",
    EventType.SUBSCRIBER_PAUSED: "Another subscriber gets no webhooks until it is resumed.",
    EventType.SUBSCRIBER_RECOVERED: "Another subscriber works again.",
    EventType.OUTBOUND_DEAD: "A webhook to another subscriber failed for the last time.",
}
_STATUS_OF = {event_type: status for status, event_type in EVENT_OF.items()}
WITHOUT_EVENTS = (Reason.QUARANTINED, Reason.APPLICATION_UNKNOWN)
"""Reasons of reviews that belong to no known order, so that no event tells of them."""
_REVIEWS = (EventType.REVIEW_REQUIRED, EventType.REVIEW_SETTLED)
_OF_CALLS = ("notice_id", "received_at", "occurred_at")
_ENDS = ("settlement", "settled_by")
_DETAILS: Mapping[Reason, tuple[str, ...]] = {
    Reason.CONFLICT: ("differing", "values", "earlier_notice_id"),
    Reason.CONTRADICTION: ("status", "known_status"),
    Reason.CONTRADICTION_WITH_MONEY: ("status", "known_status"),
    Reason.VALUES_DIFFER: ("differing", "values"),
    Reason.MONEY_UNREADABLE: ("money",),
    Reason.PAID_TWICE: ("other_order_no", "other_money"),
    Reason.CONFIRMATION_OVERDUE: ("paid_at",),
    Reason.SENDID_SHARED: ("orders",),
    Reason.AMOUNT_DIFFERS: ("applied", "called", "application_id"),
    Reason.REFERENCE_FORGED: ("reasons",),
    Reason.CALL_MISSING: ("status", "money", "mail_id", "occurred_at"),
}
"""Fields that reviews of a reason have."""


def schema_of(event_type: EventType) -> Schema:
    """Return the schema of the bodies of one type. It allows fields that it does not name."""
    envelope = {
        "type": EventField("string", "type of the event").only(event_type.value),
        "timestamp": EventField("string", "the time at which the event was made", rules=MOMENT),
        "data": EventField("object", "facts of the event", fields=fields_of(event_type)),
    }
    return {
        "$schema": DRAFT,
        "$id": f"urn:zeus-relay:event-types:{event_type}",
        "title": event_type.value,
        "description": DESCRIPTIONS[event_type],
        **_object(envelope),
    }


def fields_of(event_type: EventType) -> Fields:
    """Return the fields of `data` in events of one type."""
    if event_type is EventType.WEBHOOK_TEST:
        return TEST_FIELDS
    if event_type is EventType.OUTBOUND_DEAD:
        return DEAD_FIELDS
    return SUBSCRIBER_FIELDS if event_type in OPERATIONAL else _order_fields(event_type)


def _order_fields(event_type: EventType) -> Fields:
    """Return the fields of an order's event, as narrow as its type makes them."""
    fields = dict(ORDER_FIELDS)
    status = _STATUS_OF.get(event_type)
    review = fields.pop("review")
    if status is None:
        fields["occurrence"] = fields["occurrence"].only(None)
    else:
        fields |= _status_fields(status)
    if event_type in _REVIEWS:
        fields["review"] = _review(review, settled=event_type is EventType.REVIEW_SETTLED)
    if event_type is EventType.ORDER_EXPIRY_PRESUMED:
        fields |= _silence_fields()
    if event_type in (EventType.ORDER_RELEASED, EventType.ORDER_RELEASE_REVOKED):
        fields["payable"] = fields["payable"].only(event_type is EventType.ORDER_RELEASED)
    return fields


def _status_fields(status: Status) -> dict[str, EventField]:
    zeus = ORDER_FIELDS["zeus"]
    told = {"status": status.value, "status_name": status.japanese}
    return {
        "occurrence": ORDER_FIELDS["occurrence"].never_null(),
        "zeus": zeus.having({name: zeus.fields[name].only(value) for name, value in told.items()}),
        "payable": ORDER_FIELDS["payable"].only(status.payable),
        "final": ORDER_FIELDS["final"].only(status.final),
        "notice_id": ORDER_FIELDS["notice_id"].never_null(),
        "received_at": ORDER_FIELDS["received_at"].never_null(),
    }


def _silence_fields() -> dict[str, EventField]:
    order = ORDER_FIELDS["order"]
    state = order.fields["state"].only(OrderState.EXPIRY_PRESUMED.value)
    return {
        **{name: ORDER_FIELDS[name].only(False) for name in ("payable", "final")},
        **{name: ORDER_FIELDS[name].only(None) for name in _OF_CALLS},
        "order": order.having({"state": state}),
        "source": ORDER_FIELDS["source"].only(Source.TIMER.value),
    }


def _review(review: EventField, *, settled: bool) -> EventField:
    fields = {
        name: one.always() if name in _ENDS else one
        for name, one in review.fields.items()
        if settled or name not in _ENDS
    }
    reasons = [reason.value for reason in Reason if reason not in WITHOUT_EVENTS]
    fields["reason"] = fields["reason"].with_rules(examples=reasons)
    return (
        review.always()
        .having(fields, only_these=True)
        .with_rules(
            allOf=[
                {
                    "if": {"properties": {"reason": {"const": reason.value}}},
                    "then": {"required": list(details)},
                }
                for reason, details in _DETAILS.items()
            ]
        )
    )


def _object(fields: Fields) -> Schema:
    if NAMES in fields:
        return {"type": "object", "additionalProperties": _schema(fields[NAMES])}
    return {
        "type": "object",
        "required": [name for name, one in fields.items() if not one.optional],
        "properties": {name: _schema(one) for name, one in fields.items()},
    }


def _schema(one: EventField) -> Schema:
    found: Schema = {"description": one.meaning}
    if "const" in one.rules:
        return {**found, "const": one.rules["const"]}
    if one.nullable:
        found["description"] += f"; null: {one.null_when}"
    match one.kind:
        case "object":
            found |= _object(one.fields)
        case "array":
            found |= {"type": "array", "items": _object(one.fields)}
        case "array of strings":
            found |= {"type": "array", "items": {"type": "string"}}
        case kind:
            found["type"] = kind
    found |= one.rules
    return _or_null(found) if one.nullable else found


def _or_null(schema: Schema) -> Schema:
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    return {**schema, "type": [schema["type"], "null"]}
