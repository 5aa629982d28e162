"""Applications and calls about them, rule by rule."""

from typing import Any

import pytest

from app.judging.policy import Policy
from app.order_life.applied import AppliedFor
from app.order_life.relatives import SendidScope
from app.order_life.release import ReleaseOn
from app.order_life.reviews import Settlement
from app.zeus.statuses import Status
from tests.judging.applied_setup import KEYS, application
from tests.order_life.shop import FULL, Shop, with_status

ORDER_NO = FULL["order_no"]
POLICY = Policy(references=KEYS, applies=True)
FORGED = "z1" + 44 * "A"


def shop_of(*applications: AppliedFor, policy: Policy = POLICY, **options: Any) -> Shop:
    return Shop(policy, applications=applications, **options)


def after(shop: Shop, applied: AppliedFor) -> AppliedFor:
    return shop.applications.by_id[applied.id]


def verdicts(shop: Shop) -> list[tuple[str, list[str]]]:
    return [(row["verdict"], row["reasons"]) for row in shop.outcome.verdicts]


def reviews(shop: Shop) -> list[str]:
    return [str(row["reason"]) for row in shop.outcome.opened]


@pytest.mark.parametrize("state", ["sending", "unknown", "not_sent", "rejected", "failed"])
@pytest.mark.parametrize("status", Status)
def test_a_call_ends_every_outcome_that_is_not_known(state: str, status: Status) -> None:
    applied = application(state=state)
    shop = shop_of(applied)
    shop.call(with_status(status, sendpoint=applied.sendpoint, pay_no2="42"))
    found = after(shop, applied)
    expected = "failed" if status is Status.FAILED else "accepted"
    assert (expected, ORDER_NO, True) == (found.state, found.order_no, found.is_called)
    numbers = (found.pay_no1, found.pay_no2, found.pay_limit)
    if (state, expected) != ("failed", "failed"):
        assert ("1234567890123", "42", "20261231") == numbers
    assert (applied.id, False) == (shop.order.application_id, shop.order.test)


def test_a_failed_call_keeps_its_code() -> None:
    applied = application()
    shop = shop_of(applied)
    shop.call(with_status("02", sendpoint=applied.sendpoint, error_code="0008"))
    assert ("failed", "0008") == (after(shop, applied).state, after(shop, applied).error_code)


def test_an_accepted_application_is_only_called() -> None:
    applied = application(state="accepted", order_no=ORDER_NO, pay_no1="1234567890123")
    shop = shop_of(applied)
    shop.call(with_status("02", sendpoint=applied.sendpoint))
    found = after(shop, applied)
    assert ("accepted", True, None) == (found.state, found.is_called, found.pay_limit)


def test_a_slip_in_place_of_the_first_changes_nothing() -> None:
    applied = application(state="accepted", order_no="1", pay_no1="9", pay_limit="20261201")
    shop = shop_of(applied)
    shop.call(with_status("01", sendpoint=applied.sendpoint))
    assert applied == after(shop, applied)
    assert applied.id == shop.order.application_id
    assert [] == reviews(shop)


def test_every_event_names_the_application_and_the_test() -> None:
    applied = application(test=True)
    shop = shop_of(applied)
    shop.call(with_status("01", sendpoint=applied.sendpoint))
    shop.presume(ORDER_NO)
    shop.call(with_status("04", sendpoint=""), with_status("05", money="1", sendpoint=""))
    shop.settle(shop.order.reviews[0], Settlement.RELEASE)
    named = {(body["data"]["application_id"], body["data"]["test"]) for body in shop.bodies()}
    assert {(str(applied.id), True)} == named
    assert {True} == {row["test"] for row in shop.outcome.events}


def test_an_order_without_an_application_says_so() -> None:
    shop = shop_of(application())
    shop.call(with_status("01"))
    [body] = shop.bodies()
    assert (None, False) == (body["data"]["application_id"], body["data"]["test"])


@pytest.mark.parametrize("applies", [True, False])
def test_the_number_links_without_a_reference(applies: bool) -> None:
    applied = application(state="accepted", order_no=ORDER_NO, sendpoint="ref-7")
    shop = shop_of(applied, policy=Policy(references=KEYS, applies=applies))
    shop.call(with_status("01"))
    assert (applied.id if applies else None) == shop.order.application_id


@pytest.mark.parametrize("clientip", ["2012000001", ""])
def test_a_reference_needs_no_ip_code_in_the_call(clientip: str) -> None:
    applied = application()
    shop = shop_of(applied)
    shop.call(with_status("01", sendpoint=applied.sendpoint, clientip=clientip))
    assert applied.id == shop.order.application_id


def test_another_ip_code_is_another_signature() -> None:
    applied = application()
    shop = shop_of(applied)
    shop.call(with_status("01", sendpoint=applied.sendpoint, clientip="2012000002"))
    assert [("quarantined", ["reference_forged"])] == verdicts(shop)
    assert applied == after(shop, applied)


@pytest.mark.parametrize("clientip", ["2012000001", ""])
def test_a_good_reference_without_its_application_is_flagged(clientip: str) -> None:
    lost = application()
    shop = shop_of(policy=Policy(["2012000001"], references=KEYS))
    shop.call(with_status("01", sendpoint=lost.sendpoint, clientip=clientip))
    assert [("accepted", [])] == verdicts(shop)
    assert ["application_missing"] == shop.bodies()[0]["data"]["flags"]
    assert ["application_missing"] == shop.outcome.verdicts[0]["flags"]
    assert shop.order.application_id is None


def test_a_forged_reference_of_no_known_order_is_no_event() -> None:
    shop = shop_of()
    shop.call(with_status("04", sendpoint=FORGED), with_status("01", sendpoint=""))
    assert ("quarantined", ["reference_forged"]) == verdicts(shop)[0]
    [row] = shop.outcome.opened
    assert ("reference_forged", None) == (row["reason"], row["order_no"])
    assert ["order.accepted"] == shop.events


def test_a_forged_reference_holds_the_goods_of_its_order() -> None:
    shop = shop_of(policy=Policy(references=KEYS, release_on=ReleaseOn.RECEIVED))
    shop.call(
        with_status("01"),
        with_status("05", sendpoint=FORGED, money="1"),
        with_status("04"),
    )
    assert ["order.accepted", "review.required", "payment.received"] == shop.events
    data = shop.bodies()[1]["data"]
    assert (5400, "01", None) == (data["money"], data["zeus"]["status"], data.get("customer"))
    assert {"reasons": ["reference_forged"]} == shop.outcome.opened[0]["details"]
    shop.settle(shop.order.reviews[0], Settlement.RELEASE)
    assert ["review.settled", "order.released"] == shop.events[-2:]


def test_a_released_forged_call_is_judged_as_it_is() -> None:
    applied = application(state="accepted", order_no=ORDER_NO)
    shop = shop_of(applied)
    shop.call(with_status("04", sendpoint=FORGED), corrections={})
    assert [("accepted", [])] == verdicts(shop)
    assert applied.id == shop.order.application_id
    [row] = shop.outcome.opened
    assert ("values_differ", ["sendpoint"]) == (row["reason"], row["details"]["differing"])


def test_a_corrected_reference_links() -> None:
    applied = application()
    shop = shop_of(applied)
    shop.call(with_status("04", sendpoint=FORGED), corrections={"sendpoint": applied.sendpoint})
    assert applied.id == shop.order.application_id


@pytest.mark.parametrize("sendpoint", ["", "ref-7", FORGED[:-1], f"{FORGED}A", "z2" + 44 * "A"])
def test_a_missing_reference_is_quarantined_if_one_is_required(sendpoint: str) -> None:
    shop = shop_of(policy=Policy(references=KEYS, require_reference=True))
    shop.call(with_status("01", sendpoint=sendpoint))
    assert [("quarantined", ["reference_missing"])] == verdicts(shop)
    assert ["quarantined"] == reviews(shop)
    plain = shop_of()
    plain.call(with_status("01", sendpoint=sendpoint))
    assert [("accepted", [])] == verdicts(plain)


def test_a_required_reference_that_is_good_passes() -> None:
    applied = application()
    shop = shop_of(applied, policy=Policy(references=KEYS, require_reference=True))
    shop.call(with_status("01", sendpoint=applied.sendpoint))
    assert [("accepted", [])] == verdicts(shop)


def test_another_amount_is_told_once() -> None:
    applied = application()
    shop = shop_of(applied)
    for status in ("01", "04", "05"):
        shop.call(with_status(status, sendpoint=applied.sendpoint, money="4500"))
    shop.call(with_status("06", sendpoint=applied.sendpoint, money="4400"))
    told = [row["details"] for row in shop.outcome.opened if row["reason"] == "amount_differs"]
    assert [
        {"applied": 5400, "called": amount, "application_id": str(applied.id)}
        for amount in (4500, 4400)
    ] == told
    assert "order.released" not in shop.events
    assert "amount_differs" in shop.bodies()[0]["data"]["flags"]


def test_an_amount_of_before_the_link_is_told_too() -> None:
    applied = application()
    shop = shop_of(applied)
    shop.call(with_status("01", sendpoint="", money="4500"))
    shop.call(with_status("04", sendpoint=applied.sendpoint, money="4500"))
    assert ["amount_differs"] == reviews(shop)


@pytest.mark.parametrize(
    ("name", "before", "now"),
    [
        ("sendid", "A-1001", "A-1002"),
        ("pay_cvs", "D001", "D002"),
        ("pay_no1", "1234567890123", "1234567890124"),
        ("pay_no2", "42", "43"),
        ("pay_limit", "20261231", "20261230"),
        ("sendpoint", "ref-7", "ref-8"),
    ],
)
def test_another_value_than_that_of_the_application_differs(
    name: str, before: str, now: str
) -> None:
    applied = application(
        state="accepted",
        order_no=ORDER_NO,
        sendpoint="ref-7",
        pay_no1="1234567890123",
        pay_no2="42",
        pay_limit="20261231",
    )
    shop = shop_of(applied)
    shop.call(with_status("01", **{name: now}))
    [row] = shop.outcome.opened
    value = {"before": before, "now": now, "notice_id": None}
    assert ("values_differ", {name: value}) == (row["reason"], row["details"]["values"])
    shop.call(with_status("04", **{name: now}))
    assert ["values_differ"] == reviews(shop), "said once"


def test_a_sendid_that_nobody_applied_with_differs() -> None:
    applied = application(sendid=None)
    shop = shop_of(applied)
    shop.call(with_status("01", sendpoint=applied.sendpoint))
    [row] = shop.outcome.opened
    assert {"before": "", "now": "A-1001", "notice_id": None} == row["details"]["values"]["sendid"]


def test_other_spellings_of_the_same_values_agree() -> None:
    applied = application(sendid="A\\~1")
    meant = {"sendid": "A\u00a5\u203e1", "pay_cvs": "\uff24\uff10\uff10\uff11", "money": "5400"}
    assert () == applied.differing(ORDER_NO, meant)
    assert applied.other_amount(meant) is None
    applied = application()
    shop = shop_of(applied)
    shop.call(with_status("01", sendpoint=applied.sendpoint, money="05400", pay_cvs="Ｄ００１"))
    assert [] == reviews(shop)


def test_values_that_are_not_sent_agree() -> None:
    applied = application()
    shop = shop_of(applied)
    shop.call({"order_no": ORDER_NO, "status": "01", "sendpoint": applied.sendpoint})
    assert [] == reviews(shop)


def test_the_deadline_of_the_answer_is_that_of_the_order() -> None:
    applied = application(state="accepted", order_no=ORDER_NO, pay_limit="20261224")
    shop = shop_of(applied)
    shop.call({"order_no": ORDER_NO, "status": "01"})
    assert "20261224" == shop.order.values["pay_limit"]
    assert shop.bodies()[0]["data"]["payment_deadline"] is None, "the call did not say so"


@pytest.mark.parametrize("scope", SendidScope)
def test_slips_of_one_application_are_relatives(scope: SendidScope) -> None:
    applied = application(sendid=None)
    shop = shop_of(applied, policy=Policy(references=KEYS, sendid_scope=scope))
    one = {"order_no": "1", "sendpoint": applied.sendpoint, "clientip": "2012000001"}
    shop.call({**one, "status": "01"}, {**one, "status": "04"})
    shop.call({**one, "status": "11", "order_no": "2"})
    assert ["paid_twice"] == reviews(shop)
    assert ["2"] == [str(row["order_no"]) for row in shop.outcome.opened]
    related = shop.bodies()[-1]["data"]["related_orders"]
    assert [{"order_no": "1", "state": "paid", "money": None}] == related


def test_a_pair_by_sendid_is_not_told_again_by_the_application() -> None:
    applied = application()
    shop = shop_of(applied)
    shop.call(with_status("04", order_no="1", sendpoint=""))
    shop.call(with_status("04", order_no="2", sendpoint=applied.sendpoint))
    shop.call(with_status("05", order_no="1", sendpoint=applied.sendpoint))
    assert ["paid_twice"] == reviews(shop)


def test_a_late_link_tells_a_pair() -> None:
    applied = application()
    shop = shop_of(applied)
    shop.call(with_status("04", order_no="1", sendpoint=applied.sendpoint, sendid=""))
    shop.call(with_status("04", order_no="2", sendpoint="", sendid=""))
    shop.call(with_status("05", order_no="2", sendpoint=applied.sendpoint, sendid=""))
    assert ["paid_twice"] == reviews(shop)


def test_a_repetition_that_links_tells_a_pair() -> None:
    applied = application()
    shop = shop_of(applied)
    shop.call(with_status("04", order_no="1", sendpoint=applied.sendpoint, sendid=""))
    shop.call(with_status("04", order_no="2", sendpoint="", sendid=""))
    shop.call(with_status("04", order_no="2", sendpoint=applied.sendpoint, sendid=""))
    assert ("duplicate", []) == verdicts(shop)[-1]
    assert ["paid_twice"] == reviews(shop)
    assert applied.id == shop.orders["2"].application_id


def test_a_replaced_slip_that_is_paid_is_unwanted() -> None:
    applied = application(is_replaced=True)
    shop = shop_of(applied)
    shop.call(with_status("01", sendpoint=applied.sendpoint))
    assert [] == reviews(shop)
    shop.call(with_status("04", sendpoint=applied.sendpoint))
    assert ["unwanted_payment"] == reviews(shop)


def test_a_replaced_slip_beside_a_paid_one_is_paid_twice() -> None:
    applied = application(is_replaced=True)
    shop = shop_of(applied)
    shop.call(with_status("04", order_no="1", sendpoint=""))
    shop.call(with_status("04", sendpoint=applied.sendpoint))
    assert ["paid_twice"] == reviews(shop)


def test_an_order_stays_with_its_first_application() -> None:
    first, second = application(), application()
    shop = shop_of(first, second)
    shop.call(with_status("01", sendpoint=first.sendpoint))
    shop.call(with_status("04", sendpoint=second.sendpoint))
    assert first.id == shop.order.application_id
    assert ["values_differ"] == reviews(shop)
    assert second == after(shop, second)


def test_a_repetition_links_too() -> None:
    applied = application()
    shop = shop_of(applied)
    shop.call(with_status("01", sendpoint=""))
    shop.call(with_status("01", sendpoint=applied.sendpoint))
    assert [("accepted", []), ("duplicate", [])] == verdicts(shop)
    assert applied.id == shop.order.application_id
    assert {ORDER_NO} == shop.outcome.changed
    assert "accepted" == after(shop, applied).state
