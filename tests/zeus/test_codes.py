"""Store codes and error codes."""

import pytest

from app.zeus.error_codes import ERROR_CODES, error_details, error_of
from app.zeus.stores import STORES, store_of

LABELS = [
    ("D001", "セブン-イレブン", "払込票番号", None),
    ("D002", "ローソン", "受付番号", "確認番号"),
    ("D030", "ファミリーマート", "注文番号", "企業コード"),
    ("D015", "セイコーマート", "お支払受付番号", None),
    ("D050", "ミニストップ", "受付番号", "確認番号"),
    ("D060", "デイリーヤマザキ", "オンライン決済番号", None),
]

ERRORS = [
    ("800000", "システムエラー・設定不正", "developer"),
    ("800001", "ゼウスサービス停止", "with Zeus"),
    ("800002", "利用不可コンビニ", "another store"),
    ("900000", "通信エラー", "enters the data again"),
    ("0011", "設定エラー", "Zeus support"),
    ("0008", "メンテナンス", "another store"),
    ("0013", "メンテナンス", "tries later"),
]


@pytest.mark.parametrize(("code", "name", "label1", "label2"), LABELS)
def test_a_store_says_what_its_numbers_are_called(
    code: str, name: str, label1: str, label2: str | None
) -> None:
    store = store_of(code)
    assert store is not None
    assert (code, name, label1, label2) == (
        store.code,
        store.name,
        store.pay_no1_label,
        store.pay_no2_label,
    )


def test_these_are_all_stores_of_the_manual() -> None:
    assert [code for code, *_ in LABELS] == list(STORES)


@pytest.mark.parametrize("code", [None, "", "D099", "d001", "D01"])
def test_an_unknown_store_is_no_error(code: str | None) -> None:
    assert store_of(code) is None


@pytest.mark.parametrize(("code", "japanese", "who"), ERRORS)
def test_an_error_says_what_failed_and_who_can_act(code: str, japanese: str, who: str) -> None:
    error = error_of(code)
    assert error is not None
    assert code == error.code
    assert japanese in error.japanese
    assert who in error.who
    assert error.what


def test_these_are_all_errors_of_the_manual() -> None:
    assert [code for code, *_ in ERRORS] == list(ERROR_CODES)


@pytest.mark.parametrize("code", [None, "", "8", "11", "000008", "999999"])
def test_leading_zeros_count_and_an_unknown_error_is_none(code: str | None) -> None:
    assert error_of(code) is None


@pytest.mark.parametrize(
    ("code", "who", "retry"),
    [
        ("800000", "developer", "after_resolving"),
        ("800001", "merchant", "after_resolving"),
        ("800002", "customer", "other_store"),
        ("900000", "customer", "after_resolving"),
        ("0011", "zeus_support", "after_resolving"),
        ("0008", "customer", "other_store"),
        ("0013", "customer", "later"),
        ("7777", "zeus_support", "after_resolving"),
        ("8", "zeus_support", "after_resolving"),
        (None, "zeus_support", "after_resolving"),
    ],
)
def test_an_error_says_who_can_act_and_when_to_apply_again(
    code: str | None, who: str, retry: str
) -> None:
    details = error_details(code, None)
    assert (who, retry) == (details.who_can_act, details.retry)


def test_every_error_code_has_details_of_its_own() -> None:
    unknown = error_details("7777", None)
    assert ["0011"] == [code for code in ERROR_CODES if error_details(code, None) == unknown]


@pytest.mark.parametrize(
    ("parameter", "who", "retry"),
    [
        ("username", "customer", "after_resolving"),
        ("telno", "customer", "after_resolving"),
        ("email", "customer", "after_resolving"),
        ("pay_cvs", "customer", "other_store"),
        ("money", "merchant", "never"),
        ("clientip", "developer", "after_resolving"),
        ("anything", "developer", "after_resolving"),
    ],
)
def test_a_refused_parameter_says_who_can_act(parameter: str, who: str, retry: str) -> None:
    details = error_details("0013", parameter)
    assert (who, retry) == (details.who_can_act, details.retry)
