"""Rules of the application, on values and on bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.zeus.application import (
    FIELDS,
    ApplicationFault,
    Rule,
    decode_form,
    encode_form,
    faults_of,
    is_test,
)

GOOD = {
    "clientip": "2012000001",
    "act": "secure_order",
    "money": "5400",
    "username": "コンビニ　タロウ",
    "telno": "0312345678",
    "email": "taro@example.com",
    "pay_cvs": "D001",
}


def test_a_good_application_has_no_fault() -> None:
    assert [] == faults_of(GOOD)
    assert [] == faults_of(
        GOOD | {"sendid": "A-1001", "sendpoint": "ref_7", "testid": "12345678", "test_type": "1"}
    )


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.required])
def test_what_is_required(name: str) -> None:
    assert [ApplicationFault(name, Rule.MISSING)] == faults_of(
        {key: text for key, text in GOOD.items() if key != name}
    )
    assert [ApplicationFault(name, Rule.MISSING)] == faults_of(GOOD | {name: ""})


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        (Rule.TEN_DIGITS, "clientip", "201200000"),
        (Rule.TEN_DIGITS, "clientip", "201200000a"),
        (Rule.TEN_DIGITS, "clientip", "２"),
        (Rule.TOO_LONG, "clientip", "20120000011"),
        (Rule.ACTION, "act", "Secure_order"),
        (Rule.MONEY, "money", "199"),
        (Rule.MONEY, "money", "300000"),
        (Rule.MONEY, "money", "-500"),
        (Rule.MONEY, "money", "5,400"),
        (Rule.MONEY, "money", "5４０"),
        (Rule.TOO_LONG, "money", "0005400"),
        (Rule.FULL_WIDTH_KANA, "username", "山田太郎"),
        (Rule.FULL_WIDTH_KANA, "username", "こんびに"),
        (Rule.FULL_WIDTH_KANA, "username", "ｺﾝﾋﾞﾆ"),
        (Rule.FULL_WIDTH_KANA, "username", "コンビニ タロウ"),
        (Rule.ONLY_SPACES, "username", "　　"),
        (Rule.TOO_LONG, "username", "ア" * 21),
        (Rule.NOT_SHIFT_JIS, "username", "ヷ"),
        (Rule.TELNO, "telno", "3123456789"),
        (Rule.TELNO, "telno", "03123456"),
        (Rule.TELNO, "telno", "03-1234-56"),
        (Rule.TOO_LONG, "telno", "031234567890"),
        (Rule.EMAIL, "email", "taro example@example.com"),
        (Rule.EMAIL, "email", "taro"),
        (Rule.TOO_LONG, "email", "a" * 40 + "@example.com"),
        (Rule.STORE, "pay_cvs", "D999"),
        (Rule.STORE, "pay_cvs", "d001"),
        (Rule.FREE_ALPHABET, "sendid", "A.1001"),
        (Rule.FREE_ALPHABET, "sendpoint", "a b"),
        (Rule.FREE_ALPHABET, "sendpoint", "a&b"),
        (Rule.TOO_LONG, "sendid", "a" * 26),
        (Rule.TOO_LONG, "sendpoint", "a" * 51),
    ],
)
def test_a_broken_rule_is_named(rule: Rule, name: str, text: str) -> None:
    assert [ApplicationFault(name, rule)] == faults_of(GOOD | {name: text})


@pytest.mark.parametrize(
    ("name", "text"),
    [("money", "200"), ("money", "299999"), ("username", "ア" * 20), ("telno", "012345678")],
)
def test_the_ends_of_the_ranges_are_good(name: str, text: str) -> None:
    assert [] == faults_of(GOOD | {name: text})


def test_all_faults_are_named_together_in_the_order_of_the_manual() -> None:
    faults = faults_of(GOOD | {"money": "1", "telno": "1", "pay_cvs": ""})
    assert [("money", Rule.MONEY), ("telno", Rule.TELNO), ("pay_cvs", Rule.MISSING)] == [
        (f.parameter, f.rule) for f in faults
    ]


@pytest.mark.parametrize(
    ("absent", "given_"), [("test_type", {"testid": "1"}), ("testid", {"test_type": "0"})]
)
def test_one_test_parameter_alone_would_be_a_real_application(
    absent: str, given_: dict[str, str]
) -> None:
    assert [ApplicationFault(absent, Rule.BOTH_TEST_PARAMETERS)] == faults_of(GOOD | given_)
    assert not is_test(GOOD | given_)
    assert is_test(GOOD | {"testid": "1", "test_type": "0"})


# Katakana whose second byte is an ASCII sign. Each breaks a form that is split or escaped as text.
HARD_NAMES = ("ソニー", "タチバナ", "ポール", "ァゼゾダボマミ", "チ　ヂ")


@pytest.mark.parametrize("name", HARD_NAMES)
def test_a_form_is_read_as_it_was_written(name: str) -> None:
    values = GOOD | {"username": name, "sendid": "\\#$%^~`-_@[],/*?+="}
    body = encode_form(values)
    assert body.isascii()
    assert values == decode_form(body).values


def test_a_form_names_values_in_the_order_of_the_manual_and_leaves_out_empty_ones() -> None:
    body = encode_form(dict(reversed((GOOD | {"sendid": ""}).items())))
    assert list(GOOD) == [pair.split(b"=")[0].decode() for pair in body.split(b"&")]


def test_a_raw_form_is_read_too() -> None:
    body = b"username=" + "ソニー".encode("cp932") + b"&money=5400\r\n"
    assert {"username": "ソニー", "money": "5400"} == decode_form(body).values


def test_a_form_in_utf_8_is_a_fault() -> None:
    assert (ApplicationFault("username", Rule.NOT_SHIFT_JIS),) == decode_form(
        "username=コンビニ　タ".encode()
    ).faults


def test_repeated_and_unknown_parameters_are_named() -> None:
    form = decode_form(b"money=200&money=300&amount=1&%zz=2")
    assert ({"money": "200"}, ("amount", "%zz"), (ApplicationFault("money", Rule.REPEATED),)) == (
        form.values,
        form.unknown,
        form.faults,
    )


def test_a_key_that_is_no_parameter_cannot_be_written() -> None:
    with pytest.raises(KeyError):
        encode_form({"amount": "1"})


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    form = decode_form(body)
    assert set(form.values) <= set(FIELDS)
    faults_of(form.values)


@given(
    st.dictionaries(
        st.sampled_from(sorted(FIELDS)), st.text("アソー　0aZ+&=%\\", min_size=1, max_size=20)
    )
)
def test_any_values_survive_the_form(values: dict[str, str]) -> None:
    assert values == decode_form(encode_form(values)).values
