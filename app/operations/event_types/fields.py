"""Fields of events: the type, meaning and nulls of each. Tables and schemas come from here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from app.events.types import OrderState
from app.judging.event_data import Source
from app.order_life.reviews import Settlement
from app.zeus.statuses import Status

NEVER = "never"
ABSENT = "-"
"""The key is absent rather than null."""
NOT_SENT = "not sent"
MOMENT: Mapping[str, str] = {
    "format": "date-time",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$",
}
"""Rules of a point in time: UTC with six decimals."""
NAMES = "NAME"
"""Stands for the parameters' names where they are the keys."""


@dataclass(frozen=True, slots=True)
class EventField:
    """One field. `rules` are keywords of JSON Schema; `fields` those of an object or its items."""

    kind: str
    meaning: str
    null_when: str = NEVER
    rules: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, "EventField"] = field(default_factory=dict)
    optional: bool = False

    @property
    def nullable(self) -> bool:
        """Return True if the value can be null."""
        return self.null_when not in (NEVER, ABSENT)

    def with_rules(self, **rules: object) -> Self:
        """Return the field with more rules, as one type of event has them."""
        return replace(self, rules={**self.rules, **rules})

    def only(self, constant: object) -> Self:
        """Return the field with the only value that one type of event has."""
        return replace(self, rules={"const": constant}, null_when=NEVER)

    def never_null(self) -> Self:
        """Return the field of a type of event in which it has a value."""
        return replace(self, null_when=NEVER)

    def always(self) -> Self:
        """Return the field of a type of event that has its key."""
        return replace(self, optional=False)

    def having(self, fields: Mapping[str, "EventField"], *, only_these: bool = False) -> Self:
        """Return the object with some of its fields replaced, or with no others."""
        return replace(self, fields=fields if only_these else {**self.fields, **fields})


def paths(fields: Mapping[str, EventField], above: str = "") -> Iterator[tuple[str, EventField]]:
    """Yield every field with its path, such as `payment_numbers[].label`."""
    for name, one in fields.items():
        path = f"{above}{name}"
        yield path, one
        yield from paths(one.fields, f"{path}[]." if one.kind == "array" else f"{path}.")


def _text(meaning: str, null_when: str = NEVER, **rules: object) -> EventField:
    return EventField("string", meaning, null_when, rules)


def _one_of(values: type[StrEnum], meaning: str, null_when: str = NEVER) -> EventField:
    return _text(meaning, null_when, enum=[value.value for value in values])


def _id(meaning: str, null_when: str = NEVER) -> EventField:
    return _text(meaning, null_when, format="uuid")


def _moment(meaning: str, null_when: str = NEVER) -> EventField:
    return _text(meaning, null_when, **MOMENT)


def _number(meaning: str, null_when: str = NEVER, least: int = 0) -> EventField:
    return EventField("integer", meaning, null_when, {"minimum": least})


def _object(meaning: str, null_when: str = NEVER, **fields: EventField) -> EventField:
    return EventField("object", meaning, null_when, fields=fields)


def _list(meaning: str, null_when: str = NEVER, **fields: EventField) -> EventField:
    return EventField("array", meaning, null_when, fields=fields)


def _absent(one: EventField) -> EventField:
    return replace(one, optional=True)


_REVIEW = {
    "id": _id("id (UUID) of the review"),
    "reason": _text("see below"),
    "differing": EventField(
        "array of strings",
        "`conflict` and `values_differ`: the parameters that differ",
        ABSENT,
        optional=True,
    ),
    "values": _absent(
        _object(
            "`conflict` and `values_differ`: both values of each such parameter, by its name",
            ABSENT,
            NAME=_object(
                "one parameter: the earlier value and the one of this call",
                ABSENT,
                before=_text("as in `differing`"),
                now=_text("as in `differing`"),
                notice_id=_id("as in `differing`", "as in `differing`"),
            ),
        )
    ),
    "earlier_notice_id": _absent(_id("`conflict` only: the earlier call", ABSENT)),
    "status": _absent(
        _text("the two contradictions: the status of this call; `call_missing`: the mail's", ABSENT)
    ),
    "known_status": _absent(_text("the two contradictions only: the order's status", ABSENT)),
    "money": _absent(
        _text(
            "`money_unreadable`: the text that is no amount; `call_missing`: the mail's amount",
            ABSENT,
        )
    ),
    "mail_id": _absent(_id("`call_missing` only: the mail that tells of the call", ABSENT)),
    "occurred_at": _absent(
        _moment("`call_missing` only: 処理時刻 of the mail, UTC", "the mail states none")
    ),
    "other_order_no": _absent(
        _text("`paid_twice` only: the order that was paid first", ABSENT),
    ),
    "other_money": _absent(_number("`paid_twice` only: its amount in yen", "not known")),
    "paid_at": _absent(
        _moment("`confirmation_overdue` only: arrival of the payment's call, UTC", "not known")
    ),
    "orders": _absent(
        _number("`sendid_shared` only: the number of orders found with this `sendid`", ABSENT)
    ),
    "applied": _absent(_number("`amount_differs` only: the amount of the application", ABSENT)),
    "called": _absent(_number("`amount_differs` only: the amount of this call", ABSENT)),
    "application_id": _absent(_id("`amount_differs` only: the application", ABSENT)),
    "reasons": EventField(
        "array of strings",
        "`reference_forged` only: the reasons for which the call was not judged",
        ABSENT,
        optional=True,
    ),
    "settlement": _absent(
        _one_of(Settlement, "`review.settled` only: `release`, `hold` or `dismiss`", ABSENT)
    ),
    "settled_by": _absent(
        _text(
            "`review.settled` only: the operator, or `zeus-relay` where a later fact settled it",
            ABSENT,
        )
    ),
}

ORDER_FIELDS: Mapping[str, EventField] = {
    "order_no": _text("オーダー番号, the serial that Zeus issued"),
    "sequence": _number(
        "the event's number among all events of its order, from 1 without gaps; filtered types "
        "count too",
        least=1,
    ),
    "occurrence": _number(
        "count of this status in the order: 1, or more after a reversal and a new payment",
        "`review.required` and derived events",
        least=1,
    ),
    "zeus": _object(
        "content of the call, in Zeus's codes; in derived events, of the order",
        status=_one_of(Status, "ステータス, two digits"),
        status_name=_text("its name in Zeus's console"),
        error_code=_text(
            "エラーコード, digits with leading zeros",
            "not sent, or nothing failed",
        ),
    ),
    "money": _number("yen", "not sent, or not a number"),
    "currency": _text("always `JPY`", const="JPY"),
    "payable": EventField("boolean", "支払対象, a fact about `zeus.status`"),
    "final": EventField("boolean", "売上確定, a fact about `zeus.status`"),
    "order": _object(
        "the order after this event",
        state=_one_of(OrderState, "the order's state after this event"),
        previous_status=_one_of(
            Status,
            "the order's status before the call; without a call or after a conflict, the current "
            "one",
            "the order's first call",
        ),
    ),
    "store": _object(
        "the chain where the customer pays",
        "`pay_cvs` not sent",
        code=_text("`pay_cvs`"),
        name=_text("name of the chain", "the code is not in the table"),
    ),
    "payment_numbers": _list(
        "払込用番号1 and 2 that have a value, in this order",
        "neither parameter is in the call",
        label=_text("the chain's name for the number; 払込用番号1 or 2 if the chain is unknown"),
        value=_text("the number; never a key, Zeus may issue it again"),
    ),
    "payment_deadline": _text(
        "支払期限, a day in Japan, `yyyy-mm-dd`", "not sent, or not a day", format="date"
    ),
    "clientip": _text("IPコード", NOT_SENT),
    "sendid": _text("the merchant's free parameter", NOT_SENT),
    "sendpoint": _text("the merchant's free parameter", NOT_SENT),
    "flags": EventField("array of strings", "oddities of the call; usually empty"),
    "related_orders": _list(
        "the other orders of the same purchase: those with the same `clientip` and `sendid`, or of "
        "the same application",
        order_no=_text("its オーダー番号"),
        state=_one_of(OrderState, "its state, as in `order.state`"),
        money=_number("its amount in yen", "not known"),
    ),
    "differing": _list(
        "values that differ from an earlier call of this payment, or from the application",
        name=_text("the parameter, such as `money`"),
        before=_text("what the earlier call says, as Zeus wrote it, or the application"),
        now=_text("what this call says"),
        notice_id=_id("id (UUID) of the earlier call", "the application says so"),
    ),
    "application_id": _id(
        "id (UUID) of the application that the relay made for this slip",
        "the relay did not apply for it, or does not know that it did",
    ),
    "test": EventField("boolean", "the application was marked as a test; false if not known"),
    "source": _one_of(
        Source, "cause of the event: `call`, `reconciliation`, `mail`, `operator` or `timer`"
    ),
    "notice_id": _id(
        "id (UUID) of the call that made the event; `zeus-relay notices show` accepts it",
        "no call made it: `source` is `operator` or `timer`, or `mail` in a review",
    ),
    "received_at": _moment(
        "the call's arrival, UTC; not the time of payment, which calls do not contain",
        "`notice_id` is null",
    ),
    "occurred_at": _moment(
        "処理時刻, the time that Zeus's mail about the call states, UTC",
        "no mail was read before the event was made",
    ),
    "review": _absent(_object("in `review.required` and `review.settled` only", ABSENT, **_REVIEW)),
    "customer": _absent(
        _object(
            "only for subscribers added with `--customer`, in events that a call made",
            ABSENT,
            name=_text("name, as given in the application", NOT_SENT),
            telno=_text("telephone number", NOT_SENT),
            email=_text("e-mail address", NOT_SENT),
        )
    ),
}
"""Fields of `data` in events of orders."""

TEST_FIELDS: Mapping[str, EventField] = {
    "subscriber": _text("in `webhook.test` only: the subscriber's name"),
}

_SIGNAL = {
    "subscriber": _text("the name of the subscriber concerned"),
    "reason": _text(
        "the failure of the last attempt (`timeout`, `http_5xx` …); for a pause `gone`, `failing` "
        "or `operator` (the operator's own text is not sent)",
        "`subscriber.recovered`",
    ),
    "since": _moment(
        "the beginning of the failures, or the time at which the dead webhook became pending, UTC",
        "without failures, or after a success or a resumption in between",
    ),
}
SUBSCRIBER_FIELDS: Mapping[str, EventField] = {
    **_SIGNAL,
    "failures": _number("failures in a row; not in `outbound.dead`"),
}
DEAD_FIELDS: Mapping[str, EventField] = {
    **_SIGNAL,
    "attempts": _number("`outbound.dead` only: the number of attempts"),
    "event": _object(
        "`outbound.dead` only: the event that was not delivered",
        id=_id("its id (UUID), the `webhook-id`"),
        type=_text("its type"),
        order_no=_text("the order's number", "it is about no order"),
        sequence=_number("its `sequence`", "it is about no order", least=1),
    ),
}
