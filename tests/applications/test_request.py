"""Checked requests: the form that is sent, and every fault with its place."""

from typing import Any

import pytest

from app.applications.request import RequestFaulty, RequestRules, check_request
from app.clock import uuid7
from app.zeus.application import decode_form, encode_form, faults_of
from tests.applications.application_setup import CLIENTIP, KEYS, RULES, checked, request_json


def faults(rules: RequestRules = RULES, **changes: Any) -> dict[str, str]:
    with pytest.raises(RequestFaulty) as faulty:
        check_request(request_json(**changes), rules)
    return {fault.pointer: fault.reason for fault in faulty.value.faults}


def test_what_is_sent_is_what_zeus_takes() -> None:
    request = checked(test="reversed", store="lawson")
    sendpoint = KEYS.make(uuid7(), CLIENTIP)
    values = request.form_values(sendpoint)
    assert [] == faults_of(values)
    assert values == decode_form(encode_form(values)).values
    assert ("D002", "12345678", "2") == (
        values["pay_cvs"],
        values["testid"],
        values["test_type"],
    )
    assert "コンビニ　タロウ" == values["username"]
    assert "0312345678" == values["telno"]


@pytest.mark.parametrize("money", [5400.0, "5400", True, 199, 300_000, -1, [], {}, 10**30])
def test_money_is_a_whole_number_of_json(money: Any) -> None:
    assert {"/money"} == set(faults(money=money))


@pytest.mark.parametrize(
    ("changes", "pointer", "reason"),
    [
        ({"money": None}, "/money", "missing"),
        ({"store": "kiosk"}, "/store", "must_be_a_store_code"),
        ({"store": 1}, "/store", "must_be_a_store_code"),
        ({"store": None}, "/store", "missing"),
        ({"customer": "taro"}, "/customer", "must_be_an_object"),
        ({"customer": []}, "/customer", "must_be_an_object"),
        ({"sendid": "a" * 26}, "/sendid", "too_long"),
        ({"sendid": "A 1"}, "/sendid", "has_a_character_that_is_not_allowed"),
        ({"sendid": 1001}, "/sendid", "must_be_text"),
        ({"sendid": "\ud800"}, "/sendid", "not_shift_jis"),
        ({"sendpoint": "a" * 51}, "/sendpoint", "too_long"),
        ({"sendpoint": "z1" + "a" * 44}, "/sendpoint", "has_the_form_of_a_reference"),
        ({"clientip": "2012000002"}, "/clientip", "not_ours"),
        ({"clientip": 2012000001}, "/clientip", "not_ours"),
        ({"test": "paid"}, "/test", "must_be_a_kind_of_test"),
        ({"test": 1}, "/test", "must_be_a_kind_of_test"),
        ({"replaces": "A-1001"}, "/replaces", "must_be_an_id"),
        ({"amount": 1}, "/amount", "unknown_field"),
        ({"a/b~": 1}, "/a~1b~0", "unknown_field"),
    ],
)
def test_each_fault_has_its_place_and_its_reason(
    changes: dict[str, Any], pointer: str, reason: str
) -> None:
    assert reason == faults(**changes)[pointer]


def test_a_customer_s_faults_are_found_together() -> None:
    found = faults(customer={"name": "山田", "telno": "12", "email": "a b@c", "fax": "1"})
    assert {
        "/customer/name": "has_kanji",
        "/customer/telno": "must_start_with_0_and_have_9_to_11_digits",
        "/customer/email": "must_be_an_address_without_space",
        "/customer/fax": "unknown_field",
    } == found


def test_nothing_given_names_everything_that_is_missing() -> None:
    with pytest.raises(RequestFaulty) as faulty:
        check_request({}, RequestRules())
    assert {
        "/clientip",
        "/money",
        "/store",
        "/customer/name",
        "/customer/telno",
        "/customer/email",
    } == {fault.pointer for fault in faulty.value.faults}


def test_a_test_needs_a_test_id() -> None:
    assert {"/test": "needs_a_test_id"} == faults(RequestRules((CLIENTIP,)), test="unpaid")


def test_the_only_code_is_taken_and_one_of_several_must_be_named() -> None:
    several = RequestRules((CLIENTIP, "2012000002"))
    assert CLIENTIP == checked().clientip
    assert {"/clientip": "missing"} == faults(several)
    assert "2012000002" == checked(several, clientip="2012000002").clientip
    assert {"/clientip": "must_be_ten_digits"} == faults(RequestRules(), clientip="1")


def test_no_fault_repeats_a_value() -> None:
    with pytest.raises(RequestFaulty) as faulty:
        checked(customer={"name": "山田太郎", "telno": "secret", "email": "hidden"})
    assert not any(word in str(faulty.value) for word in ("山田", "secret", "hidden"))


def test_requests_are_told_apart() -> None:
    assert checked().digest == checked().digest
    assert checked().digest != checked(money=5401).digest
    assert checked().digest == checked(test=None).digest
