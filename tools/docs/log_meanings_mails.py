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
    "mail_too_large": (
        "a message of the mailbox exceeds 10 MiB and was not read; its `uid`",
        "メールボックスに10 MiBを超えるメールがあり、読まなかった。`uid` は、その番号",
    ),
    "mail_unreadable": (
        "a message cannot be read; it is kept",
        "読めないメール。保存はしてある",
    ),
    "mailbox_failed": (
        "the mailbox cannot be read; `problem` says why, `remedy` what to do; retried",
        "メールボックスを読めない。`problem` は理由、`remedy` は対処。再び試す",
    ),
    "mailbox_interrupted": (
        "a database error interrupted the reading of the mailbox; retried, and nothing is lost",
        "データベースのエラーで、メールボックスの読み取りが中断した。再び試す。失うメールはない",
    ),
    "mails_unmarked": (
        "the mail server refused to mark or move messages that were read; they are not read again",
        "読んだメールの既読の印または移動を、メールサーバーが拒んだ。同じメールを再び読むことはない",
    ),
    "mails_interrupted": (
        "a database error interrupted the reading (`judging`) or the matching of mails; retried",
        "データベースのエラーで、メールの読み取り（`judging`）または照合（`matching`）が中断した。再び試す",
    ),
}
