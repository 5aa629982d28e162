"""Meanings of log events about calls: receiving, spool, judging and erasing.

Part of `log_meanings.MEANINGS`; each entry is the event's meaning in English and in Japanese.
"""

from collections.abc import Mapping

CALLS: Mapping[str, tuple[str, str]] = {
    "answers_refused": (
        (
            "Postgres rejected the record of sent answers; calls are not affected, but "
            "`repeat_unclear` may be set more often"
        ),
        (
            "応答を送り出せた事実の記録をPostgresが拒んだ。コールには影響しないが、"
            "`repeat_unclear` が付きやすくなる"
        ),
    ),
    "batch_failed": (
        "the database rejected a batch of notices; the worker splits it to find the cause",
        "データベースがまとめての判定を拒んだ。拒まれる通知を分割して探す",
    ),
    "call_not_recorded": (
        (
            "no step of the fallback chain could record a call, and the hold limit was reached: "
            "503. Zeus does not retry it"
        ),
        "どこにも記録できず、保留できる数も超えたため、503を返した。ゼウスは再送しない",
    ),
    "call_recorded": (
        "a call was recorded and answered 200",
        "コールを記録し、200を返した",
    ),
    "database_away": (
        "Postgres does not record calls; they go to the spool",
        "Postgresに記録できない。コールはスプールに置く",
    ),
    "database_back": (
        "Postgres records calls again",
        "再びPostgresに記録できるようになった",
    ),
    "database_not_checked": (
        "the database cannot be reached, so its grants and encoding were not checked",
        "データベースに接続できず、権限と文字コードを確認できなかった",
    ),
    "database_unfit": (
        "calls go to the spool until the problem in `found` is fixed",
        "`found` が示す問題が直るまで、コールはスプールに置かれる",
    ),
    "drain_interrupted": (
        "the spool could not be drained; retried in `retry_seconds`",
        "スプールを取り込めなかった。`retry_seconds` 秒後に再び試す",
    ),
    "event_made": (
        "an event was created from a notice",
        "コールからイベントを作った",
    ),
    "held_call_not_recorded": (
        (
            "a held call could not be recorded in time and got no answer; Zeus retries it only if "
            "the merchant ordered retries"
        ),
        (
            "保留したコールを時間内に記録できず、応答しなかった。再送オプションがなければ、"
            "ゼウスは再送しない"
        ),
    ),
    "housekeeping_done": (
        "personal data and history were deleted by age",
        "期間の過ぎた個人情報と履歴を削除した",
    ),
    "housekeeping_stopped": (
        "clocks disagree, so nothing is erased or pruned by age; the reason names the clocks",
        "時計が食い違うため、期間による消去と削除を止めている。理由を示す",
    ),
    "housekeeping_interrupted": (
        "the deletion by age failed; it continues within an hour",
        "期間による削除に失敗した。1時間以内に続きを行う",
    ),
    "timers_interrupted": (
        "the database interrupted the timers of orders; they are still due",
        "オーダーのタイマー処理がデータベースの都合で中断した。期限の来たものは次に処理する",
    ),
    "timers_stopped": (
        "this machine's clock and the database's differ, so no order is found expired or overdue",
        "このマシンとデータベースの時計がずれているため、期限切れや確定遅れを判定しない",
    ),
    "spool_not_erased": (
        "this machine's clock and the database's differ, so no quarantined file is erased by age",
        "このマシンとデータベースの時計がずれているため、隔離したファイルを期間で消去しない",
    ),
    "judging_interrupted": (
        "the database failed while notices were judged; retried",
        "判定中にデータベースのエラーが起きた。再び試す",
    ),
    "needs_attention": (
        "a notice was quarantined or is in conflict",
        "保留または内容の食い違うコールがある",
    ),
    "no_call": (
        (
            "a request was incomplete or unreadable (`too_slow`, `sender_left`, `unreadable`, "
            "`head_too_long`); `left_out`: similar requests that were not logged"
        ),
        (
            "リクエストとして成立しなかった（`too_slow`、`sender_left`、`unreadable`、"
            "`head_too_long`）。`left_out` は、省略した同種の行の数"
        ),
    ),
    "notice_judged": (
        "a notice got its verdict",
        "コールを判定した",
    ),
    "notice_refused": (
        "Postgres rejected a notice because of its content",
        "Postgresが内容を理由にコールの記録を拒んだ",
    ),
    "notice_set_aside": (
        "a notice that Postgres rejected was kept in a file of its own in the spool",
        "Postgresが拒んだコールを、スプールの別ファイルに残した",
    ),
    "notice_unwritable": (
        "Postgres rejected the results of judging a notice; the notice was quarantined",
        "判定の結果の書き込みをPostgresが拒んだ。コールは保留になる",
    ),
    "probe_failed": (
        "Postgres is still unavailable",
        "Postgresはまだ使えない",
    ),
    "records_set_aside": (
        (
            "spool records that cannot be read, or that Postgres rejected, were kept in a file of "
            "their own"
        ),
        "スプールの中の、読めない、またはPostgresが拒んだコールを、別ファイルに残した",
    ),
    "sample_dropped": (
        "a rejected call could not be kept as a sample",
        "拒否したコールを見本として残せなかった",
    ),
    "sample_kept": (
        "a rejected call that looks like Zeus's was kept as a sample",
        "ゼウスらしいコールを拒否し、見本として残した",
    ),
    "sample_released": (
        "a rejected call was recorded as a notice",
        "拒否したコールを取り込んだ",
    ),
    "segment_torn": (
        (
            "damaged bytes of a spool file were moved to a file of their own; every call answered "
            "200 had been written completely"
        ),
        "スプールのファイルの壊れた部分を別に移した。200を返したコールは、書き込みが完了している",
    ),
    "set_aside_forgotten": (
        "quarantined files were erased because of their age",
        "残してあったファイルを、保存期間が過ぎたため削除した",
    ),
    "source_not_allowed": (
        (
            "a call came from a source that is not allowed: 403, or recorded with `let_in`; "
            "`behind_proxy`: a trusted proxy named the source"
        ),
        (
            "許可していない送信元からのコール。403を返した（`let_in` なら記録した）。"
            "`behind_proxy` は、信用するプロキシ経由かどうか"
        ),
    ),
    "sources_kept": (
        "SIGHUP: a value is unusable, so the allowed sources did not change",
        "SIGHUPを受けたが、使えない値があるため、送信元の設定を変えなかった",
    ),
    "sources_reloaded": (
        "SIGHUP: the allowed sources were read again",
        "SIGHUPを受けて、送信元の設定を読み直した",
    ),
    "spool_entry_skipped": (
        "an entry of the spool directory cannot be read because of `reason`; retried every minute",
        "スプールのディレクトリに、`reason` の理由で読めないものがある。1分ごとに再び試す",
    ),
    "spool_file_lost": (
        (
            "a spool file was deleted, moved, replaced or truncated while its writer ran; the "
            "writer writes its calls again"
        ),
        (
            "書き込み中のプロセスがあるうちに、スプールのファイルが削除、移動、"
            "置換または切り詰められた。コールは書き直す"
        ),
    ),
    "spool_lock_lost": (
        (
            "the lock of a running receiver was deleted or replaced; the receiver continues under "
            "a new name"
        ),
        "動いている受信のロックが削除または置換された。新しい名前で続ける",
    ),
    "spool_records_rewritten": (
        "the calls of a lost spool file were written to a new file",
        "失われたスプールのファイルのコールを、新しいファイルに書き直した",
    ),
    "spool_drained": (
        "calls were drained from the spool into Postgres",
        "スプールのコールをPostgresに取り込んだ",
    ),
    "spool_failed": (
        "the spool cannot be written",
        "スプールに書き込めない",
    ),
    "spool_works_again": (
        "the spool can be written again",
        "再びスプールに書き込めるようになった",
    ),
}
