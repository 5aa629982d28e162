"""Generated tables in Japanese; texts of settings come from the console's catalogue."""

import re
from collections.abc import Mapping

from app.console.texts.i18n import Language, translations
from app.events.types import EventType
from app.judging.rules import EVENT_OF
from app.main.reference import env_example
from app.order_life.order_state import STATE_OF
from app.settings import Settings, variable_of
from app.zeus.error_codes import ERROR_CODES
from app.zeus.statuses import FACTS, Status, Step, step
from app.zeus.stores import STORES
from tools.docs.tables import head, row

_MARKS = {True: "○", False: "—"}
STEPS: Mapping[Step, str] = {
    Step.NEXT: "通常",
    Step.GAP: "抜け",
    Step.LATE: "遅着",
    Step.PAID_AGAIN: "再入金",
    Step.CONTRADICTION: "矛盾",
    Step.CONTRADICTION_WITH_MONEY: "矛盾（入金）",
    Step.REPEATED: "重複",
}
ACTORS: Mapping[str, str] = {
    "the merchant's developer": "加盟店の開発者",
    "the merchant, with Zeus": "加盟店（ゼウスに相談）",
    "the customer picks another store; the merchant, with Zeus": (
        "お客様（別のコンビニを選ぶ）、加盟店（ゼウスに相談）"
    ),
    "the customer enters the data again": "お客様（入力し直す）",
    "Zeus support": "ゼウスのサポート",
    "the customer picks another store": "お客様（別のコンビニを選ぶ）",
    "the customer tries later; Zeus support": ("お客様（時間をおいてやり直す）、ゼウスのサポート"),
}
"""The parties that can act on an error code, by the English text."""
_OTHERS = {
    EventType.ORDER_EXPIRY_PRESUMED: "`expiry_presumed`",
    EventType.ORDER_RELEASED: "そのときの状態",
    EventType.ORDER_RELEASE_REVOKED: "そのときの状態",
    EventType.REVIEW_REQUIRED: "そのときの状態",
    EventType.REVIEW_SETTLED: "そのときの状態",
    EventType.WEBHOOK_TEST: "なし（オーダーに関するものではない）",
}

_TEXTS = translations(Language.JAPANESE)
SETTINGS: Mapping[str, str] = {
    name: text
    for name, info in Settings.model_fields.items()
    if (text := _TEXTS.gettext(info.description or "")) != info.description
}
"""Purpose of each setting, from the console's catalogue."""


def statuses() -> str:
    """Return the short table of statuses: each with its event."""
    names = head("ステータス", "名称", "イベント", "`payable`（支払対象）", "`final`（売上確定）")
    return names + "".join(
        row(
            f"`{status}`",
            facts.japanese,
            f"`{EVENT_OF[status]}`",
            _MARKS[facts.payable],
            _MARKS[facts.final],
        )
        for status, facts in FACTS.items()
    )


def statuses_in_full() -> str:
    """Return the table of statuses: each with its event and the order's state after it."""
    rows = [
        row(
            f"`{status}`",
            facts.japanese,
            f"`{EVENT_OF[status]}`",
            f"`{STATE_OF[status]}`",
            _MARKS[facts.payable],
            _MARKS[facts.final],
            "申し込んだ場合のみ" if facts.only_if_ordered else "常に",
        )
        for status, facts in FACTS.items()
    ]
    others = [row("—", "—", f"`{event}`", state, "—", "—", "—") for event, state in _OTHERS.items()]
    return head(
        "ステータス", "名称", "イベントの種類", "`order.state`", "`payable`", "`final`", "コール"
    ) + "".join(rows + others)


def steps() -> str:
    """Return the step table: the meaning of a status that arrives after another."""
    rows = [
        row(
            "（なし）" if now is None else f"`{now}`",
            *(STEPS[step(now, arriving)] for arriving in Status),
        )
        for now in (None, *Status)
    ]
    return head("現在 \\ 到着", *(f"`{status}`" for status in Status)) + "".join(rows)


def stores() -> str:
    """Return the table of store chains with known names."""
    rows = [
        row(f"`{store.code}`", store.name, store.pay_no1_label, store.pay_no2_label or "—")
        for store in sorted(STORES.values(), key=lambda store: store.code)
    ]
    return head("コード", "コンビニ", "`pay_no1` の名称", "`pay_no2` の名称") + "".join(rows)


def error_codes() -> str:
    """Return the table of error codes of failed applications."""
    rows = [
        row(f"`{error.code}`", error.japanese, ACTORS.get(error.who, error.who))
        for error in ERROR_CODES.values()
    ]
    return head("コード", "内容", "対処できる人") + "".join(rows)


def settings() -> str:
    """Return the table of settings, each with its default or else an example."""
    text = env_example()
    return head("変数", "既定値", "意味") + "".join(
        _setting(field, text) for field in Settings.model_fields
    )


def _setting(field: str, text: str) -> str:
    variable = variable_of(field)
    default = re.search(rf"^#{variable}=(.*)$", text, re.MULTILINE)
    example = re.search(rf"^# e\.g\. {variable}=(.*)$", text, re.MULTILINE)
    value = f"`{default[1]}`" if default and default[1] else "なし"
    shown = f"。例：`{example[1]}`" if example and value == "なし" else ""
    return row(
        f"`{variable}`",
        value,
        SETTINGS.get(field, Settings.model_fields[field].description or "") + shown,
    )
