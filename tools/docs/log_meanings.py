"""Meanings of all log events, in English and in Japanese, by the event's name."""

from collections.abc import Mapping

from tools.docs.log_meanings_calls import CALLS
from tools.docs.log_meanings_delivery import DELIVERY
from tools.docs.log_meanings_mails import MAILS

MEANINGS: Mapping[str, tuple[str, str]] = {
    **CALLS,
    **DELIVERY,
    **MAILS,
    "alert_not_sent": (
        "`RELAY_ALERT_URL` did not accept a post; its content is sent again with the next post",
        "`RELAY_ALERT_URL` が投稿を受け付けなかった。次の投稿と一緒に送り直す",
    ),
    "application_failed": (
        "an internal error while answering a request: 500",
        "リクエストの処理中の不具合。500を返した",
    ),
    "audited": (
        "an operator acted, or viewed personal data",
        "操作または個人情報の閲覧があった",
    ),
    "back_process_ended": (
        (
            "the second process of `zeus-relay up` ended, with this exit code (negative: a "
            "signal); it is started again. Calls are recorded meanwhile"
        ),
        (
            "`zeus-relay up` の2つ目のプロセスが、この終了コード（負の値はシグナル）で終わった。"
            "起動し直す。その間もコールは記録する"
        ),
    ),
    "back_process_not_started": (
        "the system could not start the second process of `zeus-relay up`; tried again",
        "`zeus-relay up` の2つ目のプロセスを起動できなかった。再び試す",
    ),
    "certificate_not_seen": (
        "no TLS server answered at `RELAY_PUBLIC_URL`",
        "`RELAY_PUBLIC_URL` の証明書を確認できなかった",
    ),
    "collation_changed": (
        (
            "the system's sort order differs from the one the indexes were built with; run the "
            "statement in `remedy`"
        ),
        "システムの照合順序が、インデックスを作ったときと変わった。実行すべき文は `remedy`",
    ),
    "database_url_ignored": (
        "parameters of RELAY_DATABASE_URL that have no effect here; they can be removed",
        "RELAY_DATABASE_URLのうち、ここでは意味のないパラメーター。取り除いてよい",
    ),
    "exit_forced": (
        (
            "`waiting_for` kept the process from ending, so it was ended after 5 seconds. Recorded "
            "calls are not affected"
        ),
        (
            "`waiting_for` に挙げたものがプロセスの終了を妨げたため、5秒後に終了させた。"
            "記録済みのものには影響しない"
        ),
    ),
    "form_refused": (
        "a form of the console came from an old page or from another site",
        "コンソールのフォームが、古いページか別のサイトから送られた",
    ),
    "listen_failed": (
        "no connection for LISTEN; the stage polls meanwhile",
        "通知（LISTEN）用の接続ができない。その間はポーリングする",
    ),
    "listener_lost": (
        "the connection for LISTEN was lost; the stage reconnects",
        "通知（LISTEN）用の接続が切れた。接続し直す",
    ),
    "listening": (
        "a port is open; `token`: whether the path has a secret part",
        "待ち受けを始めた。`token` は、パスにトークンが含まれるかどうか",
    ),
    "lock_timed_out": (
        "a migration did not get its lock in 3 seconds; retried",
        "マイグレーションが3秒以内にロックを取れなかった。再び試す",
    ),
    "connections_overflowed": (
        (
            "the number of connections that the kernel dropped since the last line of this kind, "
            "because too many waited to be accepted"
        ),
        "前回のこの行以降に、受け付け待ちが多すぎてカーネルが捨てた接続の数（`connections`）",
    ),
    "log_lines_dropped": (
        (
            "the number of log lines lost since the last line of this kind; the log's reader or "
            "disk did not accept them"
        ),
        "前回のこの行以降に失われた行の数（`lines`）。ログの読み手またはディスクが受け付けなかった",
    ),
    "reference_keys_not_kept": (
        "the keys of references could not be kept in the database; tried again every 5 seconds",
        "参照番号の鍵をデータベースに保存できなかった。5秒ごとに再び試す",
    ),
    "not_allowed": (
        "the operator's role does not allow the request",
        "担当者の権限が足りない",
    ),
    "not_ready": (
        "`/readyz` on the operator's listener answered not ready",
        "運用者側の `/readyz` が否定を返した",
    ),
    "notify_failed": (
        "the next stage could not be notified; it polls",
        "次の段階に通知できなかった。次の段階はポーリングで気づく",
    ),
    "page_failed": (
        (
            "a page of the console failed; `trouble` names the database problem; without it, an "
            "internal error at `where`"
        ),
        (
            "コンソールのページを表示できなかった。`trouble` はデータベースの問題の種類。なければ "
            "`where` にある不具合"
        ),
    ),
    "polling_only": (
        "the database is behind a pooler, which passes no notifications: each stage polls",
        "接続プールの背後では通知が届かないため、各段階がポーリングする",
    ),
    "process_failed": (
        "an internal error ended the process; `at` lists the places in the code",
        "不具合でプロセスが終了した。`at` はコード上の位置",
    ),
    "request_failed": (
        (
            "an API request failed; `trouble` names the database problem; without it, an internal "
            "error"
        ),
        "APIのリクエストに失敗した。`trouble` はデータベースの問題の種類。なければ不具合",
    ),
    "service_variables_ignored": (
        (
            "Kubernetes set `variables` for a Service whose name begins with `relay`; they are not "
            "settings and are ignored"
        ),
        "名前が `relay` で始まるServiceからKubernetesが作った環境変数。設定ではないため無視した",
    ),
    "sign_in_refused": (
        "a sign-in with a wrong token",
        "誤ったトークンでのサインイン",
    ),
    "sign_in_throttled": (
        "too many failed sign-ins; the address must wait",
        "サインインの失敗が多すぎるため、待たせた",
    ),
    "signed_in": (
        "an operator signed in to the console",
        "担当者がコンソールにサインインした",
    ),
    "standing_not_measured": (
        "the database's counts and ages could not be read",
        "データベースの状況を調べられなかった",
    ),
    "stopped": (
        "a role ended; `in_time`: whether it finished its work",
        "ロールが終了した。`in_time` は、処理中のものを終えられたかどうか",
    ),
    "uncaught": (
        "an internal error in a thread or during clean-up; the process continues",
        "スレッドまたは後始末での不具合。プロセスは続行する",
    ),
    "watch_job_failed": (
        "a job after the measuring failed; it runs again after the next measuring",
        "測定後の処理に失敗した。次の測定のときに再び試す",
    ),
    "working": (
        "the worker started",
        "ワーカーが起動した",
    ),
}
