"""Messages to the customer: every store, every error code, both languages."""

import re
from datetime import date

import pytest

from app.applications.customer_messages import (
    Message,
    ended_message,
    error_message,
    not_sent_message,
    success_message,
    waiting_message,
)
from app.events.types import OrderState
from app.zeus.application import FIELDS
from app.zeus.error_codes import ERROR_CODES
from app.zeus.stores import STORES

SUPPORT = "0120-000-000"
URL = "https://pay.example/slip?id=1=2"
DEADLINE = date(2026, 12, 31)
_KANA = re.compile("[ぁ-んァ-ヶ]")


def _numbers(code: str) -> list[tuple[str, str]]:
    store = STORES[code]
    labels = [store.pay_no1_label, store.pay_no2_label]
    return [(label, f"12345{place}") for place, label in enumerate(labels) if label]


def _check(message: Message) -> None:
    """Fail if a text is empty, unfinished, or in the wrong language."""
    for text in (message.ja, message.en):
        assert text.strip()
        assert "\n\n" not in text
        assert not re.search(r"[{}<>]|None|%\(|%s", text), text
    assert _KANA.search(message.ja)
    assert re.search(r"[a-z]{3}", message.en)


@pytest.mark.parametrize("code", STORES)
@pytest.mark.parametrize("support", [None, SUPPORT])
def test_success_names_the_store_the_numbers_the_deadline_and_the_steps(
    code: str, support: str | None
) -> None:
    message = success_message(code, _numbers(code), DEADLINE, None, support)
    _check(message)
    assert STORES[code].name in message.ja.splitlines()[0]
    for label, value in _numbers(code):
        assert f"{label}: {value}" in message.ja.splitlines()
        assert f" ({label}): {value}\n" in message.en
    assert "支払期限: 2026年12月31日(木)(日本時間)" in message.ja.splitlines()
    assert "Pay by: 31 December 2026 (in Japan)" in message.en.splitlines()
    for text in (message.ja, message.en):
        assert ["1", "2", "3"] == re.findall(r"^(\d)\. ", text, re.MULTILINE)[:3]
        assert (SUPPORT in text.splitlines()[-1]) is (support is not None)


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("D001", "レジ"),
        ("D002", "Loppi"),
        ("D015", "クラブステーション"),
        ("D030", "マルチコピー機"),
        ("D050", "ミニストップ Loppi"),
        ("D060", "レジ"),
    ],
)
def test_each_store_has_its_own_terminal_or_till(code: str, place: str) -> None:
    steps = success_message(code, [], None, None, None).ja.split("\n", 1)[1]
    assert place in steps.splitlines()[0] + steps.splitlines()[1]


def test_the_steps_of_two_stores_differ_unless_they_share_the_terminal() -> None:
    texts = {success_message(code, [], None, None, None).ja for code in STORES}
    assert len(STORES) == len(texts)


def test_an_unknown_store_has_general_steps() -> None:
    message = success_message("D999", [("払込用番号1", "123")], DEADLINE, None, SUPPORT)
    _check(message)
    assert "コンビニ" in message.ja
    assert "払込用番号1: 123" in message.en


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (URL, True),
        ("http://pay.example/slip", False),
        ("javascript:alert(1)", False),
        ("https://pay.example/a b", False),
        ("https://pay.example/\nx", False),
        (None, False),
    ],
)
def test_only_an_https_link_is_shown(url: str | None, shown: bool) -> None:
    message = success_message("D001", _numbers("D001"), DEADLINE, url, None)
    for text in (message.ja, message.en):
        assert (f": {url}\n" in text) is shown
        assert ("://" in text) is shown


@pytest.mark.parametrize("code", [*ERROR_CODES, "", None, "7777"])
@pytest.mark.parametrize("support", [None, SUPPORT])
def test_every_error_code_has_a_text(code: str | None, support: str | None) -> None:
    message = error_message(code, None, support)
    _check(message)
    for text in (message.ja, message.en):
        assert (SUPPORT in text) is (support is not None)
        assert not code or code not in text


@pytest.mark.parametrize(
    ("code", "ja", "en"),
    [
        ("0008", "ほかのコンビニ", "another store"),
        ("800002", "ほかのコンビニ", "another store"),
        ("0013", "しばらくたってから", "later"),
        ("900000", "電話番号", "telephone"),
        ("800000", "お問い合わせください", "contact us"),
        ("800001", "お問い合わせください", "contact us"),
        ("0011", "お問い合わせください", "contact us"),
        ("7777", "お問い合わせください", "contact us"),
    ],
)
def test_an_error_says_what_the_customer_can_do(code: str, ja: str, en: str) -> None:
    message = error_message(code, None, None)
    assert ja in message.ja
    assert en in message.en


@pytest.mark.parametrize("parameter", [*FIELDS, "pay_url"])
def test_every_refused_parameter_has_a_text_without_its_name(parameter: str) -> None:
    message = error_message("800000", parameter, SUPPORT)
    _check(message)
    for text in (message.ja, message.en):
        assert not re.search(rf"\b{parameter}\b", text) or parameter == "act"


def test_the_customer_corrects_only_what_is_theirs() -> None:
    assert "カタカナ" in error_message(None, "username", None).ja
    assert "telephone number" in error_message(None, "telno", None).en
    assert "e-mail" in error_message(None, "email", None).en
    assert error_message(None, "clientip", None) == error_message(None, None, None)


def test_an_unknown_outcome_says_not_to_apply_again() -> None:
    message = waiting_message(SUPPORT)
    _check(message)
    assert "もう一度お申し込みにならないでください" in message.ja
    assert "Do not apply again" in message.en
    assert SUPPORT in message.ja
    assert SUPPORT in message.en


def test_what_did_not_reach_zeus_may_be_tried_again() -> None:
    _check(not_sent_message(None))
    assert "try again" in not_sent_message(None).en
    assert SUPPORT in not_sent_message(SUPPORT).ja


@pytest.mark.parametrize("state", OrderState)
def test_an_ended_order_has_a_text(state: OrderState) -> None:
    message = ended_message(state, SUPPORT)
    _check(message)
    paid = state in ("paid", "confirmed", "paid_after_cancel", "confirmed_after_cancel")
    assert ("received your payment" in message.en) is paid
    assert ("期限が過ぎ" in message.ja) is (state in ("expired", "expiry_presumed"))
