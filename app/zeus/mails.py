"""Mails of Zeus to the merchant: kinds, fields, and the values in their text.

Source: manual, mails to the merchant (加盟店様宛メール). It does not print the form of the
「CGI送信エラー通知」, which is known by its subject alone.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from app.zeus.parameters import deadline_of, money_of
from app.zeus.statuses import Status
from app.zeus.stores import STORES

JAPAN: Final = timezone(timedelta(hours=9), "JST")


class MailKind(StrEnum):
    """Subject matter of a mail. The value is its first line without 「コンビニ決済」."""

    ACCEPTED = "申込完了通知"
    FAILED = "申込エラー通知"
    PAID = "入金速報通知"
    CONFIRMED = "売上確定通知"
    REVERSED = "入金取消通知"
    PAID_AFTER_CANCEL = "キャンセル後入金通知"
    CONFIRMED_AFTER_CANCEL = "キャンセル後売上通知"
    REVERSED_AFTER_CANCEL = "キャンセル後取消通知"
    CALL_FAILED = "CGI送信エラー通知"
    """A call was not answered with 200. It names no status."""

    @property
    def status(self) -> Status | None:
        """Return the status that the mail reports, or None for CALL_FAILED."""
        return None if self is MailKind.CALL_FAILED else Status[self.name]


TITLE: Final = "コンビニ決済"
LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "clientip": "IPコード",
        "occurred_at": "処理時刻",
        "money": "払込金額",
        "telno": "電話番号",
        "email": "E-mail",
        "order_no": "オーダNo",
        "pay_cvs": "利用コンビニ",
        "pay_no1": "払込用番号1",
        "pay_no2": "払込用番号2",
        "pay_limit": "支払期限",
    }
)
"""Label of each field in the manual's order, by the parameter of a call that it corresponds to."""
APPLIED_MONEY: Final = "申込金額"
"""Label of the amount in mails about an application. After a payment it is 払込金額."""


@dataclass(frozen=True, slots=True)
class MailFacts:
    """Facts in a mail.

    A value that is absent or unreadable is None; `unread` names the unreadable ones.

    `occurred_at` is 処理時刻, the only time that Zeus states (manual). `store` is the name as
    written.
    """

    kind: MailKind
    clientip: str | None = None
    occurred_at: datetime | None = None
    money: int | None = None
    telno: str | None = None
    email: str | None = None
    order_no: str | None = None
    store: str | None = None
    pay_cvs: str | None = None
    pay_no1: str | None = None
    pay_no2: str | None = None
    pay_limit: date | None = None
    unread: tuple[str, ...] = ()


def read_mail(subject: str, text: str) -> MailFacts | None:
    """Return the facts in the mail with this `subject` and plain `text`, or None for any other
    mail.

    Accepts full-width signs, `>` before quoted lines, wrapped lines, either yen sign and the known
    misspellings of オーダNo. The first of repeated fields counts.
    """
    lines = [_unquoted(line) for line in re.split(r"\r\n|\n|\r", text)]
    kind = _kind_of(subject, lines)
    if kind is None:
        return None
    return _facts_of(kind, _fields_of(lines))


def split_mails(text: str) -> list[str]:
    """Return the text of each mail in `text`, from its title to the next.

    A title without fields belongs to the next one. A text with one title is returned whole.
    """
    lines = [_unquoted(line) for line in re.split(r"\r\n|\n|\r", text)]
    titles = [at for at, line in enumerate(lines) if _TITLE_LINE.fullmatch(_folded(line))]
    parts = [lines[at:end] for at, end in pairwise([*titles, len(lines)])]
    whole = [part for part in parts if _fields_of(part)]
    return ["\n".join(part) for part in whole] if len(whole) > 1 else [text]


def _unquoted(line: str) -> str:
    return re.sub(r"^(?:[ \t]*[>＞])+[ \t]?", "", line).strip(" \t\u3000\ufeff")


def _kind_of(subject: str, lines: list[str]) -> MailKind | None:
    """Return the kind named by the first line with a title.

    A failed call is known by its subject alone.
    """
    if MailKind.CALL_FAILED in _folded(subject):
        return MailKind.CALL_FAILED
    for line in lines:
        if found := _TITLE_LINE.fullmatch(_folded(line)):
            return MailKind(found[1])
    return None


def _folded(text: str) -> str:
    """Return `text` in its compatibility form without blanks, to compare spellings."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


_TITLE_LINE = re.compile(
    r"[【\[<■]*"
    + TITLE
    + "("
    + "|".join(kind for kind in MailKind if kind is not MailKind.CALL_FAILED)
    + r")[】\]>]*"
)
_FIELD = re.compile(r"[■◾▪]\s*(.+?)\s*[:：]\s*(.*)")
_END = re.compile(r"[-=_*─━－＝]{3,}.*|--|[■【].*")


def _fields_of(lines: list[str]) -> dict[str, str]:
    """Return the text of each known field.

    A line after it that is neither a field nor an end continues it.
    """
    fields: dict[str, str] = {}
    open_name: str | None = None
    for line in lines:
        if found := _FIELD.fullmatch(line):
            name = _NAMES.get(_label(found[1]))
            open_name = name if name is not None and name not in fields else None
            if open_name:
                fields[open_name] = found[2]
        elif not line or _END.fullmatch(line):
            open_name = None
        elif open_name:
            fields[open_name] += line
            open_name = None
    return fields


def _label(text: str) -> str:
    """Return a label in one spelling: オーダNo, オーダーNo, オーダ番号 and オータNo are one."""
    folded = _folded(text).casefold().replace("-", "").replace("ー", "")
    return re.sub(r"^オ[ダタ](?:no\.?|番号)$", "オダno", folded)


_NAMES: Final = {_label(label): name for name, label in LABELS.items()} | {
    _label(APPLIED_MONEY): "money"
}


def _facts_of(kind: MailKind, fields: Mapping[str, str]) -> MailFacts:
    written = {
        name: text
        for name, value in fields.items()
        if (text := unicodedata.normalize("NFKC", value).strip())
    }
    texts = {name: text for name, text in written.items() if _UNREADABLE not in text}
    money, limit = _money(texts.get("money")), _day(texts.get("pay_limit"))
    moment = _moment(texts.get("occurred_at"))
    read = {**texts, "money": money, "pay_limit": limit, "occurred_at": moment}
    return MailFacts(
        kind,
        clientip=texts.get("clientip"),
        occurred_at=moment,
        money=money,
        telno=texts.get("telno"),
        email=texts.get("email"),
        order_no=texts.get("order_no"),
        store=fields.get("pay_cvs") if "pay_cvs" in texts else None,
        pay_cvs=store_code_of(texts.get("pay_cvs")),
        pay_no1=texts.get("pay_no1"),
        pay_no2=texts.get("pay_no2"),
        pay_limit=limit,
        unread=tuple(name for name in written if read.get(name) is None),
    )


_UNREADABLE: Final = "\ufffd"
"""Sign in the place of bytes that no charset explains."""


def _money(text: str | None) -> int | None:
    """Return the yen in `¥5,400`, `￥5,400`, `5,400円` or `\\5,400`, else None."""
    found = re.fullmatch(r"[¥\\]?\s*([0-9]{1,3}(?:[,，][0-9]{3})+|[0-9]+)\s*円?", text or "")
    return money_of(re.sub(r"\D", "", found[1])) if found else None


def _day(text: str | None) -> date | None:
    found = re.fullmatch(r"(\d{4})[/.年-](\d{1,2})[/.月-](\d{1,2})日?", text or "", re.ASCII)
    return deadline_of(f"{found[1]}{found[2]:0>2}{found[3]:0>2}") if found else None


def _moment(text: str | None) -> datetime | None:
    """Return 処理時刻 as a time in Japan, else None."""
    day, _, clock = (text or "").partition(" ")
    found, at = re.fullmatch(r"(\d{1,2}):(\d{2}):(\d{2})", clock.strip(), re.ASCII), _day(day)
    if found is None or at is None:
        return None
    hour, minute, second = map(int, found.groups())
    try:
        return datetime(at.year, at.month, at.day, hour, minute, second, tzinfo=JAPAN)
    except ValueError:
        return None


def store_code_of(name: str | None) -> str | None:
    """Return the code of the store chain with this name, with any dashes and widths, or None."""
    return _STORE_CODES.get(_store_key(name)) if name else None


def _store_key(name: str) -> str:
    return re.sub(r"[-‐‑–—−ー・]", "", _folded(name)).casefold()


_STORE_CODES: Final = {_store_key(store.name): store.code for store in STORES.values()}


def write_mail(facts: MailFacts) -> str:
    """Return the text of the mail with these `facts`.

    The manual's fields in its order, lines in LF.

    Only the first line and the fields are Zeus's form; the mail has no other words.
    """
    return "\n".join([f"{TITLE} {facts.kind}", "", *_lines_of(facts), ""])


def _lines_of(facts: MailFacts) -> Iterator[str]:
    applied = facts.kind in (MailKind.ACCEPTED, MailKind.FAILED)
    values = {
        "clientip": facts.clientip,
        "occurred_at": facts.occurred_at
        and f"{facts.occurred_at.astimezone(JAPAN):%Y/%m/%d %H:%M:%S}",
        "money": None if facts.money is None else f"¥{facts.money:,}",
        "telno": facts.telno,
        "email": facts.email,
        "order_no": facts.order_no,
        "pay_cvs": facts.store,
        "pay_no1": facts.pay_no1,
        "pay_no2": facts.pay_no2,
        "pay_limit": facts.pay_limit and f"{facts.pay_limit:%Y/%m/%d}",
    }
    for name, label in LABELS.items():
        if facts.kind is MailKind.FAILED and name in ("pay_no1", "pay_no2", "pay_limit"):
            continue  # a failed application has no slip (manual)
        shown = APPLIED_MONEY if name == "money" and applied else label
        yield f"■ {shown} : {values[name] or ''}"
