"""Texts of mails: to the merchant in the manual's form, to the customer in words of our own."""

import re
from collections.abc import Mapping
from datetime import datetime

from app.simulator.mails.message import MailDraft
from app.simulator.state.mail_settings import CustomerForm
from app.zeus.mails import TITLE, MailFacts, MailKind, write_mail
from app.zeus.parameters import deadline_of, money_of
from app.zeus.stores import STORES

KIND_OF_STATUS: Mapping[str, MailKind] = {
    kind.status: kind for kind in MailKind if kind.status is not None
}
"""The kind of mail that reports a status; there is none for 03 (manual, mails to the merchant)."""
_LONGEST = 100
"""Characters of a value: a faulty application may have any number of them."""
FOOT = (
    "----------------------------------------\n"
    "これは zeus-relay のシミュレーター（SIMULATOR）からのメールです。\n"
    "ゼウスからのメールではなく、お金は動いていません。\n"
)


def merchant_mail(
    kind: MailKind, values: Mapping[str, str], at: datetime, recipient: str
) -> MailDraft:
    """Return the mail to the merchant with the manual's first line and fields."""
    values = {name: _line(text) for name, text in values.items()}
    store = STORES.get(values["pay_cvs"])
    facts = MailFacts(
        kind,
        clientip=values["clientip"],
        occurred_at=at,
        money=money_of(values["money"]),
        telno=values["telno"],
        email=values["email"],
        order_no=values["order_no"],
        store=store.name if store else values["pay_cvs"],
        pay_no1=values["pay_no1"],
        pay_no2=values["pay_no2"],
        pay_limit=deadline_of(values["pay_limit"]),
    )
    return MailDraft(recipient, f"{TITLE} {kind}", f"{write_mail(facts)}\n{FOOT}")


def _line(text: str) -> str:
    """Return a value as one line: a faulty application may hold line ends."""
    return re.sub(r"[\x00-\x1f\x7f]", " ", text)[:_LONGEST]


def call_failed_mail(
    values: Mapping[str, str], status: str, at: datetime, recipient: str, *, fields: bool = True
) -> MailDraft:
    """Return CGI送信エラー通知 about the call for `status`. The manual prints no form of it.

    With `fields` it has those of the other mails; else it names neither order nor status.
    """
    draft = merchant_mail(MailKind.CALL_FAILED, values, at, recipient)
    if not fields:
        text = "CGIコールに、HTTP 200 の応答がありませんでした。\n"
        return MailDraft(recipient, draft.subject, f"{draft.subject}\n\n{text}\n{FOOT}")
    told = f"ステータス {status} のCGIコールに、HTTP 200 の応答がありませんでした。\n"
    return MailDraft(recipient, draft.subject, draft.text.replace(FOOT, told + FOOT))


def customer_mail(form: CustomerForm, values: Mapping[str, str]) -> MailDraft:
    """Return the mail to the customer: how to pay, or that the payment arrived."""
    if form is CustomerForm.SLIP:
        subject, told = "お支払いのご案内", "次の内容でお支払いください。"
    else:
        subject, told = "ご入金のお知らせ", "ご入金を確認しました。"
    lines = [f"{values['username']} 様", "", told, "", *_slip_lines(form, values), "", FOOT]
    return MailDraft(values["email"], f"{TITLE} {subject}", "\n".join(lines))


def _slip_lines(form: CustomerForm, values: Mapping[str, str]) -> list[str]:
    """Return what a customer has to know of a slip, under the names that the store chain uses."""
    store = STORES[values["pay_cvs"]]
    lines = [("オーダーNo", values["order_no"]), ("金額", f"¥{int(values['money']):,}")]
    lines.append(("コンビニ", store.name))
    if form is CustomerForm.SLIP:
        limit = deadline_of(values["pay_limit"])
        lines.append((store.pay_no1_label, values["pay_no1"]))
        lines.append((store.pay_no2_label or "", values["pay_no2"]))
        lines.append(("支払期限", f"{limit:%Y/%m/%d}" if limit else ""))
        lines.append(("お支払いページ", values.get("pay_url", "")))
    return [f"{name} : {text}" for name, text in lines if text]
