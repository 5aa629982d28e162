"""Result page: complete HTML in both languages, without scripts, and with numbers only to pay."""

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest

from app.applications.customer_messages import (
    ended_message,
    error_message,
    success_message,
    waiting_message,
)
from app.applications.result_page import (
    PageLanguage,
    Phase,
    ResultView,
    content_policy,
    result_page,
)
from app.zeus.error_codes import ERROR_CODES
from app.zeus.stores import STORES

NUMBERS = (("受付番号", "987654321"), ("確認番号", "43210"))
TO_PAY = ResultView(
    "accepted",
    "D002",
    5400,
    success_message("D002", NUMBERS, date(2026, 12, 31), None, "0120-000-000"),
    NUMBERS,
    date(2026, 12, 31),
    support="0120-000-000",
)
SEVEN = replace(
    TO_PAY,
    store_code="D001",
    numbers=(("払込票番号", "987654321"),),
    redirect_url="https://pay.example/slip?a=1&b=2",
)
ENDED = replace(SEVEN, numbers=None, message=ended_message("paid", "0120-000-000"))


class _Page(HTMLParser):
    """Text, tags and unclosed tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


@pytest.mark.parametrize("language", PageLanguage)
@pytest.mark.parametrize("code", STORES)
def test_a_slip_to_pay_shows_numbers_store_deadline_and_steps(
    code: str, language: PageLanguage
) -> None:
    text = _Page(result_page(replace(TO_PAY, store_code=code), language)).text
    japanese = language is PageLanguage.JAPANESE
    assert STORES[code].name in text
    assert "987654321" in text
    assert "43210" in text
    assert "受付番号" in text
    assert ("2026年12月31日" if japanese else "31 December 2026 (in Japan)") in text
    assert ("5,400円" if japanese else "¥5,400") in text
    assert "0120-000-000" in text
    assert ("お支払いの手順" if japanese else "How to pay") in text


@pytest.mark.parametrize("language", PageLanguage)
def test_no_numbers_means_nothing_to_pay(language: PageLanguage) -> None:
    page = result_page(ENDED, language)
    assert "pay.example" not in page
    assert Phase.ENDED is ENDED.phase
    words = {"ja": "お支払いを確認しました", "en": "We have received your payment"}
    assert words[language] in page
    assert "0120-000-000" in page
    assert "お支払いの手順" not in page


@pytest.mark.parametrize("state", ["sending", "unknown", "failed", "rejected", "not_sent"])
@pytest.mark.parametrize("language", PageLanguage)
def test_only_an_accepted_application_shows_numbers(state: str, language: PageLanguage) -> None:
    page = result_page(replace(SEVEN, state=state, message=waiting_message(None)), language)
    assert "987654321" not in page
    assert "pay.example" not in page


@pytest.mark.parametrize("language", PageLanguage)
def test_a_slip_whose_numbers_are_not_known_says_to_wait(language: PageLanguage) -> None:
    page = result_page(replace(TO_PAY, numbers=()), language)
    assert ("Do not apply again" in page) is (language == "en")
    assert "お支払いの手順" not in page


@pytest.mark.parametrize("state", ["sending", "unknown", "something new"])
def test_an_unknown_outcome_says_to_wait(state: str) -> None:
    view = replace(TO_PAY, state=state, message=waiting_message(None))
    assert "Do not apply again" in result_page(view, PageLanguage.ENGLISH)
    assert "もう一度お申し込みにならないでください" in result_page(view, PageLanguage.JAPANESE)


@pytest.mark.parametrize("code", [*ERROR_CODES, None])
def test_a_failure_says_what_to_do(code: str | None) -> None:
    view = replace(TO_PAY, state="failed", message=error_message(code, None, None))
    page = _Page(result_page(view, PageLanguage.ENGLISH))
    assert "The payment slip could not be issued" in page.text
    assert re.search(r"apply again|contact us", page.text)


def test_a_refused_parameter_is_told_in_words() -> None:
    view = replace(TO_PAY, state="rejected", message=error_message(None, "telno", None))
    assert "電話番号" in result_page(view, PageLanguage.JAPANESE)


@pytest.mark.parametrize(
    ("url", "is_link"),
    [
        ("https://pay.example/slip?a=1&b=2", True),
        ("http://pay.example/slip", False),
        ("javascript:alert(1)", False),
        (None, False),
    ],
)
def test_only_an_https_address_becomes_a_link(url: str | None, is_link: bool) -> None:
    page = _Page(result_page(replace(SEVEN, redirect_url=url), PageLanguage.JAPANESE))
    assert ([url] if is_link else []) == page.links


def test_a_test_is_marked() -> None:
    assert "Do not pay it" not in result_page(TO_PAY, PageLanguage.ENGLISH)
    tested = replace(TO_PAY, is_test=True)
    assert "This is a test. Do not pay it." in result_page(tested, PageLanguage.ENGLISH)
    assert "これはテストです" in result_page(tested, PageLanguage.JAPANESE)


def test_values_from_outside_are_escaped() -> None:
    hostile = "<script>alert(1)</script>"
    view = replace(
        SEVEN,
        numbers=((hostile, hostile),),
        support=hostile,
        redirect_url='https://pay.example/"><script>',
    )
    for language in PageLanguage:
        page = _Page(result_page(view, language))
        assert "script" not in page.tags


@pytest.mark.parametrize("language", PageLanguage)
@pytest.mark.parametrize("state", ["accepted", "failed", "unknown", "not_sent"])
def test_the_page_is_complete_and_needs_nothing_else(state: str, language: PageLanguage) -> None:
    page = result_page(replace(SEVEN, state=state, is_test=True), language)
    assert page.startswith("<!doctype html>")
    assert f'<html lang="{language}">' in page
    read = _Page(page)
    assert [] == read.open
    assert not {"script", "link", "img", "iframe", "form"} & set(read.tags)
    assert 1 == read.tags.count("h1")
    assert not re.search(r"\{\{|None|Undefined", page)


def test_japanese_in_an_english_page_is_marked() -> None:
    page = result_page(TO_PAY, PageLanguage.ENGLISH)
    assert '(<span lang="ja">受付番号</span>)' in page
    assert '<span lang="ja">' not in result_page(TO_PAY, PageLanguage.JAPANESE)


def test_an_unknown_store_has_general_words() -> None:
    page = result_page(replace(TO_PAY, store_code="D999"), PageLanguage.JAPANESE)
    assert "コンビニ" in page
    assert "お支払いの手順" in page


def test_the_policy_allows_only_the_style_of_the_page() -> None:
    policy = content_policy()
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "script" not in policy
