"""Rules of judging one by one: verdict, reasons, flags and events of a call after a given past."""

from uuid import UUID, uuid4

import pytest

from app.judging.rules import judge
from app.judging.verdicts import JudgedCall, Judgement, Verdict
from app.order_life.order_state import KnownOrder
from app.zeus.wire import decode

OURS = ["2012000001"]


def call(**parameters: str) -> JudgedCall:
    values = {
        "order_no": "1",
        "status": "04",
        "money": "5400",
        "clientip": "2012000001",
        **parameters,
    }
    return JudgedCall(
        uuid4(),
        decode(
            "&".join(
                f"{key}={value}" for key, value in values.items() if value != "ABSENT"
            ).encode()
        ),
    )


def after(*statuses: str) -> KnownOrder:
    """Return the order 1 after calls with these statuses."""
    order = KnownOrder("1")
    for status in statuses:
        order = judge(call(status=status), order, OURS, ()).order or order
    return order


def judged(
    judged_call: JudgedCall, order: KnownOrder | None = None, answered: set[UUID] | None = None
) -> Judgement:
    return judge(judged_call, order or KnownOrder("1"), OURS, answered or set())


@pytest.mark.parametrize(
    ("parameters", "reasons"),
    [
        ({"order_no": "ABSENT"}, ("missing_order_no",)),
        ({"order_no": ""}, ("missing_order_no",)),
        ({"order_no": "1" * 256}, ("unusable_order_no",)),
        ({"status": "ABSENT"}, ("missing_status",)),
        ({"status": "07"}, ("unknown_status",)),
        ({"status": "4"}, ("unknown_status",)),
        ({"clientip": "2012000002"}, ("unknown_ip_code",)),
        (
            {"clientip": "2012000002", "status": "99", "order_no": ""},
            ("unknown_ip_code", "missing_order_no", "unknown_status"),
        ),
        ({"money": "5400&money=9999"}, ("repeated_key:money",)),
    ],
)
def test_an_unjudgeable_call_is_quarantined_with_its_reasons(
    parameters: dict[str, str], reasons: tuple[str, ...]
) -> None:
    judgement = judged(call(**parameters))
    assert (Verdict.QUARANTINED, reasons) == (judgement.verdict, judgement.reasons)
    assert judgement.events == ()
    assert judgement.order is None


def test_a_call_without_clientip_is_judged_since_the_merchant_chooses_the_parameters() -> None:
    assert judged(call(clientip="ABSENT")).verdict is Verdict.ACCEPTED


def test_any_clientip_is_taken_when_none_is_configured() -> None:
    assert judge(call(clientip="2012000002"), KnownOrder("1"), (), ()).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("parameters", [{"clientip": "2012000002"}, {"money": "5400&money=9999"}])
def test_a_released_notice_is_judged_despite_its_faults(
    parameters: dict[str, str],
) -> None:
    quarantined = call(**parameters)
    judgement = judged(JudgedCall(quarantined.notice_id, quarantined.call, released=True))
    assert judgement.verdict is Verdict.ACCEPTED
    assert "released" in judgement.events[0].flags


def test_no_release_helps_a_notice_without_order_no() -> None:
    quarantined = call(order_no="")
    judgement = judged(JudgedCall(quarantined.notice_id, quarantined.call, released=True))
    assert (Verdict.QUARANTINED, ("missing_order_no",)) == (judgement.verdict, judgement.reasons)


def test_the_same_call_again_is_a_duplicate_without_event() -> None:
    judgement = judged(call(), after("01", "04"))
    assert (Verdict.DUPLICATE, ()) == (judgement.verdict, judgement.events)


def test_a_repetition_that_was_overtaken_is_still_a_duplicate() -> None:
    assert judged(call(), after("01", "04", "05")).verdict is Verdict.DUPLICATE
    assert judged(call(status="01"), after("01", "04", "06", "04")).verdict is Verdict.DUPLICATE


@pytest.mark.parametrize(
    ("name", "value"),
    [("money", "5401"), ("pay_no1", "2"), ("pay_limit", "20270101"), ("pay_no2", "3")],
)
def test_a_repetition_that_differs_is_a_conflict_and_asks_for_review(name: str, value: str) -> None:
    first = {"pay_no1": "1", "pay_no2": "2", "pay_limit": "20261231"}
    order = judged(call(**first)).order
    judgement = judged(call(**{**first, name: value}), order)
    assert (Verdict.CONFLICT, (f"differs:{name}",)) == (judgement.verdict, judgement.reasons)
    assert ["review.required"] == [event.type for event in judgement.events]
    assert judgement.events[0].review is not None
    assert [name] == judgement.events[0].review["differing"]
    assert judgement.order is not None
    assert judgement.order.status == "04"


@pytest.mark.parametrize("name", ["username", "telno", "email", "sendid", "sendpoint", "pay_cvs"])
def test_a_repetition_may_differ_in_anything_else(name: str) -> None:
    order = judged(call(**{name: "A"})).order
    assert judged(call(**{name: "B"}), order).verdict is Verdict.DUPLICATE


@pytest.mark.parametrize("value", ["ABSENT", ""])
def test_a_value_that_is_missing_on_one_side_is_no_difference(value: str) -> None:
    assert judged(call(money=value), after("01", "04")).verdict is Verdict.DUPLICATE
    order = judged(call(money=value)).order
    assert judged(call(money="5400"), order).verdict is Verdict.DUPLICATE


def test_paid_again_after_a_reversal_is_a_new_occurrence() -> None:
    judgement = judged(call(), after("01", "04", "06"))
    assert judgement.verdict is Verdict.ACCEPTED
    assert [("payment.received", 2)] == [
        (event.type, event.occurrence) for event in judgement.events
    ]
    assert judgement.order is not None
    assert ("04", 2) == (judgement.order.status, judgement.order.cycle)


def test_paid_again_is_unclear_unless_the_first_answer_was_delivered() -> None:
    first = call()
    order = judged(first).order
    order = judged(call(status="06"), order).order
    assert "repeat_unclear" in judged(call(), order).events[0].flags
    assert "repeat_unclear" not in judged(call(), order, {first.notice_id}).events[0].flags


def test_a_payment_that_arrives_after_its_reversal_is_late() -> None:
    judgement = judged(call(), after("06"))
    assert [("payment.received", 1, ("late",))] == [
        (event.type, event.occurrence, event.flags) for event in judgement.events
    ]
    assert judgement.order is not None
    assert ("06", 1) == (judgement.order.status, judgement.order.cycle)


@pytest.mark.parametrize(
    ("past", "status", "flags", "types", "current_status"),
    [
        (("01",), "04", (), ["payment.received"], "04"),
        ((), "04", ("gap",), ["payment.received"], "04"),
        (("01", "04", "05"), "01", (), [], "05"),
        (("04",), "01", ("late",), ["order.accepted"], "04"),
        (("05",), "04", ("late",), ["payment.received"], "05"),
        (("05",), "06", ("contradiction",), ["payment.reversed", "review.required"], "05"),
        (("01", "03"), "04", ("contradiction",), ["payment.received", "review.required"], "04"),
        (
            ("04",),
            "11",
            ("contradiction",),
            ["cancelled_order.payment_received", "review.required"],
            "11",
        ),
    ],
)
def test_facts_are_always_forwarded_and_judgement_is_added(
    past: tuple[str, ...],
    status: str,
    flags: tuple[str, ...],
    types: list[str],
    current_status: str,
) -> None:
    judgement = judged(call(status=status), after(*past))
    assert types == [event.type for event in judgement.events]
    assert flags == (judgement.events[0].flags if judgement.events else ())
    assert judgement.order is not None
    assert current_status == judgement.order.status


def test_sequence_counts_every_event_of_the_order_reviews_included() -> None:
    judgement = judged(call(status="06"), after("05"))  # confirmed and released
    assert [3, 4] == [event.sequence for event in judgement.events]
    assert judgement.order is not None
    assert judged(call(status="01"), judgement.order).events[0].sequence == 5


@pytest.mark.parametrize(
    ("parameters", "flag"),
    [
        ({"money": "5,400"}, "unreadable:money"),
        ({"pay_limit": "20261332"}, "unreadable:pay_limit"),
        ({"pay_cvs": "D099"}, "unknown_store"),
        ({"money": "1234567"}, "oversize:money"),
        ({"extra": "1"}, "unknown_key"),
        ({"username": "%83"}, "truncated:username"),
        ({"sendid": "%00"}, "nul:sendid"),
    ],
)
def test_an_odd_value_is_flagged_and_forwarded(parameters: dict[str, str], flag: str) -> None:
    judgement = judged(call(**parameters))
    assert judgement.verdict is Verdict.ACCEPTED
    assert flag in judgement.events[0].flags


@pytest.mark.parametrize(
    ("query", "verdict", "reasons"),
    [
        (b"order_no=1&status=04&money=5400", Verdict.ACCEPTED, ()),
        (b"order_no=1&money=5400", Verdict.QUARANTINED, ("cut", "missing_status")),
        (b"money=5400", Verdict.QUARANTINED, ("cut", "missing_order_no", "missing_status")),
    ],
)
def test_a_cut_call_is_judged_if_order_and_status_were_kept(
    query: bytes, verdict: Verdict, reasons: tuple[str, ...]
) -> None:
    judgement = judged(JudgedCall(uuid4(), decode(query), cut=True))
    assert (verdict, reasons) == (judgement.verdict, judgement.reasons)
    assert "cut" in judgement.flags
    assert all("cut" in event.flags for event in judgement.events)


def test_a_cut_repetition_is_flagged_too() -> None:
    judgement = judged(JudgedCall(uuid4(), decode(b"order_no=1&status=04"), cut=True), after("04"))
    assert (Verdict.DUPLICATE, ("cut",)) == (judgement.verdict, judgement.flags)
