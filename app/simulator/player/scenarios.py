"""Scenarios as data: calls that Zeus may make about an order, and the right reaction to each."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from app.zeus.statuses import Status
from app.zeus.wire import Style


@dataclass(frozen=True, slots=True)
class Turn:
    """One call of a scenario and the reaction that is expected.

    The order's own values are sent, with `changes` put over them and `without` left out;
    `appended` follows the query as it is. `style` is the escaping of this call, where it must
    differ from the rest of the run. The call is sent `times` times, over up to `connections`
    connections at the same time.

    `verdict` and `events` are the receiver's words: its verdict on the call, and the types of its
    events in sequence. When a call is sent several times, they hold for the first to arrive; the
    others are `duplicate` and make no event. They suppose an order without relatives that the
    receiver does not know, calls that carry every parameter, a clientip that the receiver takes for
    its own, and goods that are released when the payment is confirmed, as is usual.
    """

    status: str
    events: tuple[str, ...] = ()
    verdict: str = "accepted"
    changes: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    appended: bytes = b""
    style: Style | None = None
    times: int = 1
    connections: int = 1


@dataclass(frozen=True, slots=True)
class Scenario:
    """Calls about one order in sequence. `state` is the receiver's word for the order's end.

    `silence` are the types of the events that follow when no more calls come.
    """

    name: str
    about: str
    turns: tuple[Turn, ...]
    state: str
    silence: tuple[str, ...] = ()

    @property
    def verdicts(self) -> tuple[str, ...]:
        """Return the verdict expected on every call that is sent, in sequence of arrival.

        Repetitions and calls that name no order have verdicts too.
        """
        return tuple(
            verdict
            for turn in self.turns
            for verdict in (turn.verdict, *("duplicate",) * (turn.times - 1))
        )

    @property
    def events(self) -> tuple[str, ...]:
        """Return the types of all events expected for one order, in sequence."""
        told = tuple(event for turn in self.turns for event in turn.events)
        return (*told, *self.silence)


_ACCEPTED = Turn(Status.ACCEPTED, ("order.accepted",))
_FAILED = Turn(Status.FAILED, ("order.failed",))
_EXPIRED = Turn(Status.EXPIRED, ("order.expired",))
_PAID = Turn(Status.PAID, ("payment.received",))
_CONFIRMED = Turn(Status.CONFIRMED, ("payment.confirmed", "order.released"))
_REVERSED = Turn(Status.REVERSED, ("payment.reversed",))
_PAID_AFTER_CANCEL = Turn(Status.PAID_AFTER_CANCEL, ("cancelled_order.payment_received",))
_CONFIRMED_AFTER_CANCEL = Turn(
    Status.CONFIRMED_AFTER_CANCEL, ("cancelled_order.payment_confirmed", "order.released")
)
_REVERSED_AFTER_CANCEL = Turn(Status.REVERSED_AFTER_CANCEL, ("cancelled_order.payment_reversed",))

_REVIEW = ("review.required",)
# One yen more than any order is invented with.
_ANOTHER_MONEY = "300000"
# No chain has this code (manual, store table).
_UNKNOWN_STORE = "D999"
# A failed application has no slip: no payment numbers, no deadline (manual, 申込エラー通知).
_NO_SLIP = {"pay_no1": "", "pay_no2": "", "pay_limit": ""}
_PASSED = "20260105"
_CONFIRMED_AND_HELD = replace(_CONFIRMED, events=("payment.confirmed", *_REVIEW))

_ODD_TURNS = (
    replace(_ACCEPTED, style=Style.HALF),
    replace(_PAID, events=(*_PAID.events, *_REVIEW), changes={"pay_cvs": _UNKNOWN_STORE}),
    Turn(Status.PAID, verdict="quarantined", without=("order_no",)),
    Turn(Status.PAID, verdict="quarantined", appended=f"&money={_ANOTHER_MONEY}".encode()),
    Turn("99", verdict="quarantined"),
    replace(_REVERSED, events=(*_REVERSED.events, *_REVIEW), changes={"sendpoint": "x" * 8192}),
    replace(_PAID, events=(*_PAID.events, *_REVIEW), changes={"sendid": "A\0B"}),
    replace(_CONFIRMED, events=("payment.confirmed",)),  # held by the reviews above
)

_ALL = (
    Scenario(
        "usual",
        "accepted, paid at the till, confirmed by the chain",
        (_ACCEPTED, _PAID, _CONFIRMED),
        "confirmed",
    ),
    Scenario(
        "reversal", "paid, then taken back at the till", (_ACCEPTED, _PAID, _REVERSED), "reversed"
    ),
    Scenario(
        "pay-again",
        "paid, taken back, paid once more and confirmed",
        (_ACCEPTED, _PAID, _REVERSED, _PAID, _CONFIRMED),
        "confirmed",
    ),
    Scenario(
        "out-of-order",
        "the confirmation comes before the payment, the acceptance last",
        (_CONFIRMED, _PAID, _ACCEPTED),
        "confirmed",
    ),
    Scenario(
        "duplicate-storm",
        "one payment call sent 200 times over 50 connections at once",
        (_ACCEPTED, replace(_PAID, times=200, connections=50)),
        "paid",
    ),
    Scenario(
        "silence",
        "the deadline passed long ago, and nothing else is heard",
        (replace(_ACCEPTED, changes={"pay_limit": _PASSED}),),
        "expiry_presumed",
        ("order.expiry_presumed",),
    ),
    Scenario("expired", "the deadline passes without a payment", (_ACCEPTED, _EXPIRED), "expired"),
    Scenario(
        "failed",
        "the application fails because the store chain is under maintenance",
        (replace(_FAILED, changes={"error_code": "0008", **_NO_SLIP}),),
        "failed",
    ),
    Scenario(
        "cancelled-and-paid",
        "a slip is re-issued, but the old one is paid and confirmed",
        (_ACCEPTED, _PAID_AFTER_CANCEL, _CONFIRMED_AFTER_CANCEL),
        "confirmed_after_cancel",
    ),
    Scenario(
        "cancelled-and-reversed",
        "a slip is re-issued, the old one is paid and taken back",
        (_ACCEPTED, _PAID_AFTER_CANCEL, _REVERSED_AFTER_CANCEL),
        "reversed_after_cancel",
    ),
    Scenario(
        "conflict",
        "the payment call is repeated with another amount",
        (
            _ACCEPTED,
            _PAID,
            Turn(Status.PAID, _REVIEW, "conflict", changes={"money": _ANOTHER_MONEY}),
        ),
        "paid",
    ),
    Scenario(
        "values-differ",
        "the confirmation names another amount than the acceptance and the payment",
        (_ACCEPTED, _PAID, replace(_CONFIRMED_AND_HELD, changes={"money": _ANOTHER_MONEY})),
        "confirmed",
    ),
    Scenario(
        "after-timeout",
        "the payment call is repeated unchanged, as Zeus does after a timeout",
        (_ACCEPTED, _PAID, Turn(Status.PAID, verdict="duplicate")),
        "paid",
    ),
    Scenario(
        "contradiction",
        "a confirmed sale is reported as taken back, which confirmed money does not follow",
        (_ACCEPTED, _PAID, _CONFIRMED, replace(_REVERSED, events=(*_REVERSED.events, *_REVIEW))),
        "confirmed",
    ),
    Scenario(
        "paid-when-expired",
        "a payment arrives after the deadline has been reported as passed",
        (_ACCEPTED, _EXPIRED, replace(_PAID, events=(*_PAID.events, *_REVIEW))),
        "paid",
    ),
    Scenario(
        "odd-bytes",
        "half-escaped name, unknown store, no order_no, a key twice, unknown status, an 8 KB value,"
        " %00",
        _ODD_TURNS,
        "confirmed",
    ),
)

SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType(
    {scenario.name: scenario for scenario in _ALL}
)
"""Every scenario by its name."""
