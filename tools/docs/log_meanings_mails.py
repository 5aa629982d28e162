"""Meanings of log events about mails.

Part of `log_meanings.MEANINGS`; each entry is the event's meaning in English and in Japanese.
"""

from collections.abc import Mapping

MAILS: Mapping[str, tuple[str, str]] = {
    "healing_refused": (
        "the database rejected notices made of mails; the worker makes them order by order",
        "メールから作った通知をデータベースが拒んだ。オーダーごとに作り直す",
    ),
    "mail_healed": (
        "a lost call was made up for by its mail",
        "届かなかったコールをメールで補った",
    ),
    "mail_judged": (
        "a mail was read; `state`: what it is and whether it is believed",
        "メールを読んだ。`state` は、その種類と、信用できるかどうか",
    ),
    "mail_paired": (
        "a mail found its call, is a copy of another mail, or its call has not come in time",
        "メールのコールが見つかった、ほかのメールの写しだった、またはコールが時間内に届かなかった",
    ),
    "mail_unreadable": (
        "a message cannot be read; it is kept",
        "読めないメール。保存はしてある",
    ),
    "mails_interrupted": (
        "a database error interrupted the reading (`judging`) or the matching of mails; retried",
        "データベースのエラーで、メールの読み取り（`judging`）または照合（`matching`）が中断した。再び試す",
    ),
}
