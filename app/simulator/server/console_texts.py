"""Texts of the simulator's console: each English text with its Japanese."""

from collections.abc import Mapping

from app.simulator.state.transitions import SlipAction

ACTIONS: Mapping[SlipAction, Mapping[str, str]] = {
    SlipAction.PAY: {"en": "Pay at the till", "ja": "レジで支払う"},
    SlipAction.CONFIRM: {"en": "Confirm the sale", "ja": "売上確定"},
    SlipAction.TAKE_BACK: {"en": "Take the payment back", "ja": "入金取消"},
    SlipAction.EXPIRE: {"en": "Let it expire", "ja": "期日切にする"},
    SlipAction.REISSUE: {"en": "Re-issue", "ja": "再発行"},
    SlipAction.STOP: {"en": "Stop the service", "ja": "番組を停止"},
}

TEXTS: Mapping[str, str] = {
    "SIMULATOR: this is not Zeus, and no money moves.": (
        "シミュレーターです。ゼウスではなく、お金は動きません。"
    ),
    "Orders": "オーダー",
    "Search": "検索",
    "Any value of an order": "オーダーのいずれかの値",
    "Download as CSV": "CSVでダウンロード",
    "No order was found.": "オーダーはありません。",
    "The newest orders": "新しいオーダー",
    "Order": "オーダーNo",
    "State": "状態",
    "Amount": "金額",
    "yen": "円",
    "Customer": "お客様",
    "Changed (Japan)": "更新（日本時間）",
    "Actions": "操作",
    "Nothing can be done with this order now.": "このオーダーには、いまできる操作がありません。",
    "Zeus does not allow this now.": "その操作は、ゼウスではいまできません。",
    "Replaced by": "再発行先",
    "Calls": "コール",
    "No call was made yet.": "コールはまだありません。",
    "Status": "ステータス",
    "Time (Japan)": "時刻（日本）",
    "Result": "結果",
    "answered": "応答",
    "not made": "送らず",
    "lost": "未達",
    "Send again": "再送",
    "Values": "値",
    "There is no such order.": "そのオーダーはありません。",
    "Pay this slip": "この払込票で支払う",
    "Pay until": "支払期限",
    "This slip was paid.": "支払いが済んでいます。",
    "This slip cannot be paid now.": "この払込票では、いま支払えません。",
    "Updated": "更新しました",
    "日本語": "English",
}
"""By the English text; the last one names the other language."""
