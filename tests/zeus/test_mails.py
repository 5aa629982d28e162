"""Mails as they arrive: every kind, every spelling, and text that is no mail of Zeus."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.zeus.mails import JAPAN, MailFacts, MailKind, read_mail, store_code_of, write_mail
from app.zeus.statuses import Status
from app.zeus.stores import STORES, Store

FACTS = MailFacts(
    MailKind.PAID,
    clientip="2012000001",
    occurred_at=datetime(2026, 11, 23, 12, 51, 7, tzinfo=JAPAN),
    money=5400,
    telno="0312345678",
    email="taro@example.com",
    order_no="1234-56789-01234",
    store="ローソン",
    pay_cvs="D002",
    pay_no1="12345678901",
    pay_no2="12345",
    pay_limit=date(2026, 12, 31),
)
SLIPLESS: dict[str, Any] = {"pay_no1": None, "pay_no2": None, "pay_limit": None}


@pytest.mark.parametrize("kind", [kind for kind in MailKind if kind is not MailKind.CALL_FAILED])
def test_what_is_written_is_read(kind: MailKind) -> None:
    facts = replace(FACTS, kind=kind, **(SLIPLESS if kind is MailKind.FAILED else {}))
    assert facts == read_mail("", write_mail(facts))


def test_every_status_but_expired_has_a_mail() -> None:
    assert set(Status) - {Status.EXPIRED} == {kind.status for kind in MailKind if kind.status}


TEXT = write_mail(FACTS)


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("\n", "\r\n"),
        TEXT.replace(" : ", "："),
        TEXT.replace("■ ", "■"),
        TEXT.replace("¥", "￥"),
        TEXT.replace("¥", "\\"),
        TEXT.replace("¥5,400", "5,400円"),
        TEXT.replace("5,400", "５，４００"),
        TEXT.replace("オーダNo", "オーダーNo"),
        TEXT.replace("オーダNo", "オータNo"),
        TEXT.replace("オーダNo", "オーダー番号"),
        TEXT.replace("オーダNo", "オーダNo．"),
        TEXT.replace("IPコード", "ＩＰコード"),
        TEXT.replace("払込用番号1", "払込用番号１"),
        TEXT.replace("E-mail", "E-Mail"),
        TEXT.replace("2026/12/31", "2026年12月31日"),
        TEXT.replace("\n", "\n> "),
        TEXT.replace("\n", "\n＞"),
        "\n\n担当者様\n\n" + TEXT,
        TEXT.replace("コンビニ決済 入金速報通知", "【コンビニ決済　入金速報通知】"),
        TEXT + "\n--\n■ オーダNo : 9999-99999-99999\n",
        TEXT + "\n─────────\n株式会社サンプル\n電話番号 : 0399999999\n",
        TEXT.replace("1234-56789-01234", "1234-56789-\n01234"),
        TEXT.replace("taro@example.com", "\ntaro@example.com"),
        "\ufeff" + TEXT,
    ],
)
def test_other_spellings_say_the_same(text: str) -> None:
    assert FACTS == read_mail("Fwd: 通知", text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("money", TEXT.replace("¥5,400", "¥5,40")),
        ("money", TEXT.replace("¥5,400", "about 5400")),
        ("occurred_at", TEXT.replace("12:51:07", "25:00:00")),
        ("occurred_at", TEXT.replace("2026/11/23 12:51:07", "yesterday")),
        ("pay_limit", TEXT.replace("2026/12/31", "2026/02/30")),
    ],
)
def test_a_value_that_cannot_be_read_is_named(name: str, text: str) -> None:
    facts = read_mail("", text)
    assert facts is not None
    assert ((name,), None) == (facts.unread, getattr(facts, name))


@pytest.mark.parametrize(
    "subject", ["CGI送信エラー通知", "【ゼウス】ＣＧＩ送信エラー通知", "Fwd: CGI 送信エラー通知"]
)
def test_a_failed_call_is_known_by_its_subject(subject: str) -> None:
    facts = read_mail(
        subject, "下記のオーダーの送信に失敗しました。\n■ オーダNo : 1234-56789-01234"
    )
    assert facts is not None
    assert (MailKind.CALL_FAILED, None, "1234-56789-01234") == (
        facts.kind,
        facts.kind.status,
        facts.order_no,
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "コンビニ決済",
        "入金速報通知",
        "銀行振込 入金速報通知",
        "コンビニ決済 入金速報通知のご案内",
    ],
)
def test_any_other_mail_is_none_of_zeus(text: str) -> None:
    assert read_mail("お知らせ", text) is None


@pytest.mark.parametrize("store", STORES.values())
def test_a_store_is_known_by_its_name(store: Store) -> None:
    name, code = store.name, store.code
    assert (
        code
        == store_code_of(name)
        == store_code_of(name.replace("-", "−"))
        == store_code_of(f" {name} ")
    )
    assert store_code_of("よろず屋") is None


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    facts = read_mail(text, text)
    assert facts is None or facts.kind in MailKind
    assert read_mail("", f"{TEXT}\n{text}") is not None
