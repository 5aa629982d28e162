"""What each line of the log means, in English and in Japanese."""

from collections.abc import Mapping

MEANINGS: Mapping[str, tuple[str, str]] = {
    "alert_not_sent": (
        "`RELAY_ALERT_URL` did not take a post; it is tried again with the next one",
        "`RELAY_ALERT_URL` が投稿を受け付けなかった。次の投稿と一緒に送り直す",
    ),
    "answers_refused": (
        "Postgres refused to note which answers were sent; no call is concerned, but `repeat_unclear` may be set more often",
        "応答を送り出せた事実の記録をPostgresが拒んだ。コールには影響しないが、`repeat_unclear` が付きやすくなる",
    ),
    "application_failed": (
        "a defect while a request was answered: 500",
        "リクエストの処理中の不具合。500を返した",
    ),
    "attempt_broke": (
        "a defect while a webhook was sent; it is tried again and not counted",
        "Webhookの送信中の不具合。回数に数えず、再び送る",
    ),
    "audited": ("somebody acted, or looked at personal values", "操作または個人情報の閲覧があった"),
    "batch_failed": (
        "the database refused a batch; what it refuses is looked for in parts",
        "データベースがまとめての判定を拒んだ。拒まれる通知を分割して探す",
    ),
    "bound_failed": (
        "reading where scans for due webhooks begin failed; tried again",
        "期限の来たWebhookを探し始める位置を読めなかった。再び試す",
    ),
    "call_not_recorded": (
        "nothing can record, and no more calls may be held: 503. Zeus does not repeat it",
        "どこにも記録できず、保留できる数も超えたため、503を返した。ゼウスは再送しない",
    ),
    "call_recorded": ("a call was recorded and answered 200", "コールを記録し、200を返した"),
    "cancel_failed": (
        "cancelling what a removed subscriber was owed failed; tried again",
        "削除した配信先の、送信待ちのものを取りやめられなかった。再び試す",
    ),
    "cannot_sign": (
        "no key opens the subscriber's secret; tried again and not counted",
        "配信先のシークレットを復号できる鍵がない。回数に数えず、再び試す",
    ),
    "certificate_not_seen": (
        "nobody answered with TLS at `RELAY_PUBLIC_URL`",
        "`RELAY_PUBLIC_URL` の証明書を確認できなかった",
    ),
    "claim_failed": (
        "taking webhooks that are due failed; tried again",
        "送るべきWebhookの引き受けに失敗した。再び試す",
    ),
    "collation_changed": (
        "the system sorts text otherwise than when indexes were built; `remedy` is what to run",
        "システムの照合順序が、インデックスを作ったときと変わった。実行すべき文は `remedy`",
    ),
    "database_away": (
        "Postgres takes no calls; they go to the spool",
        "Postgresに記録できない。コールはスプールに置く",
    ),
    "database_back": ("Postgres takes calls again", "再びPostgresに記録できるようになった"),
    "database_not_checked": (
        "rights and encoding could not be looked at, since the database is away",
        "データベースに接続できず、権限と文字コードを確認できなかった",
    ),
    "database_unfit": (
        "calls go to the spool until what `found` says is put right",
        "`found` が示す問題が直るまで、コールはスプールに置かれる",
    ),
    "database_url_ignored": (
        "parameters of RELAY_DATABASE_URL that have no meaning here; they can be removed",
        "RELAY_DATABASE_URLのうち、ここでは意味のないパラメーター。取り除いてよい",
    ),
    "declared_subscriber_applied": (
        "a subscriber was made or changed as `RELAY_SUBSCRIBERS` says",
        "`RELAY_SUBSCRIBERS` に従い、配信先を作成または変更した",
    ),
    "drain_interrupted": (
        "the spool could not be drained; tried again in `retry_seconds`",
        "スプールを取り込めなかった。`retry_seconds` 秒後に再び試す",
    ),
    "event_made": ("an event was made of a notice", "コールからイベントを作った"),
    "exit_forced": (
        "what `waiting_for` names did not let the process end; it was ended after 5 seconds. Nothing that was recorded is concerned",
        "`waiting_for` に挙げたものがプロセスの終了を妨げたため、5秒後に終了させた。記録済みのものには影響しない",
    ),
    "feed_look_failed": (
        "looking for new events for those who poll failed; tried again",
        "フィードの新しいイベントの確認に失敗した。再び試す",
    ),
    "form_refused": (
        "a form of the console came from an old page or from another site",
        "コンソールのフォームが、古いページか別のサイトから送られた",
    ),
    "held_call_not_recorded": (
        "a held call could not be recorded in time and got no answer; Zeus repeats it only if retries are ordered",
        "保留したコールを時間内に記録できず、応答しなかった。再送オプションがなければ、ゼウスは再送しない",
    ),
    "housekeeping_done": (
        "personal data and history were removed by age",
        "期間の過ぎた個人情報と履歴を削除した",
    ),
    "housekeeping_stopped": (
        "clocks disagree, so nothing is erased or pruned by age; the reason says which",
        "時計が食い違うため、期間による消去と削除を止めている。理由を示す",
    ),
    "spool_not_erased": (
        "this machine's clock and the database's are apart, so no set-aside file is erased by age",
        "このマシンとデータベースの時計がずれているため、隔離したファイルを期間で消去しない",
    ),
    "housekeeping_interrupted": (
        "the same failed; it goes on within the hour",
        "期間による削除に失敗した。1時間以内に続きを行う",
    ),
    "judging_interrupted": (
        "the database failed while notices were judged; tried again",
        "判定中にデータベースのエラーが起きた。再び試す",
    ),
    "listen_failed": (
        "no connection for being woken; polled meanwhile",
        "通知（LISTEN）用の接続ができない。その間はポーリングする",
    ),
    "listener_lost": (
        "the connection for being woken was lost; made anew",
        "通知（LISTEN）用の接続が切れた。接続し直す",
    ),
    "listening": (
        "a port is open; `token`: whether the path has a secret part",
        "待ち受けを始めた。`token` は、パスにトークンが含まれるかどうか",
    ),
    "lock_timed_out": (
        "a migration did not get its lock in 3 seconds; tried again",
        "マイグレーションが3秒以内にロックを取れなかった。再び試す",
    ),
    "log_lines_dropped": (
        "so many lines were lost since the last one of this kind: the log's reader or disk did not take them",
        "前回のこの行以降に失われた行の数（`lines`）。ログの読み手またはディスクが受け付けなかった",
    ),
    "needs_attention": (
        "a notice is in quarantine or in conflict",
        "保留または内容の食い違うコールがある",
    ),
    "no_call": (
        "a request came to nothing (`too_slow`, `sender_left`, `unreadable`, `head_too_long`); `left_out`: more like it, not logged",
        "リクエストとして成立しなかった（`too_slow`、`sender_left`、`unreadable`、`head_too_long`）。`left_out` は、省略した同種の行の数",
    ),
    "not_allowed": ("an operator's role does not suffice", "担当者の権限が足りない"),
    "not_ready": (
        "`/readyz` of the operator's side says no",
        "運用者側の `/readyz` が否定を返した",
    ),
    "notice_judged": ("a notice got its verdict", "コールを判定した"),
    "notice_refused": (
        "Postgres refused a notice for what it holds",
        "Postgresが内容を理由にコールの記録を拒んだ",
    ),
    "notice_set_aside": (
        "the same, kept in a file of its own in the spool",
        "Postgresが拒んだコールを、スプールの別ファイルに残した",
    ),
    "notice_unwritable": (
        "Postgres refused what would follow from a notice; it went to quarantine",
        "判定の結果の書き込みをPostgresが拒んだ。コールは保留になる",
    ),
    "notify_failed": (
        "the next stage could not be woken; it polls",
        "次の段階に通知できなかった。次の段階はポーリングで気づく",
    ),
    "page_failed": (
        "a page of the console failed; `trouble` names the database's fault, without it the fault is a defect at `where`",
        "コンソールのページを表示できなかった。`trouble` はデータベースの問題の種類。なければ `where` にある不具合",
    ),
    "park_failed": (
        "putting aside webhooks that wait for an earlier one of their order failed; tried again",
        "先のWebhookを待つものの整理に失敗した。再び試す",
    ),
    "polling_only": (
        "behind a pooler, where nothing can be notified: each stage polls",
        "接続プールの背後では通知が届かないため、各段階がポーリングする",
    ),
    "probe_failed": ("Postgres is still away", "Postgresはまだ使えない"),
    "process_failed": (
        "a defect ended the process; `at` are the places in the code",
        "不具合でプロセスが終了した。`at` はコード上の位置",
    ),
    "record_failed": (
        "writing down what came of webhooks failed; tried again",
        "送信結果の記録に失敗した。再び試す",
    ),
    "records_set_aside": (
        "records of the spool that cannot be read, or that Postgres refused, were kept in a file of their own",
        "スプールの中の、読めない、またはPostgresが拒んだコールを、別ファイルに残した",
    ),
    "recovery_ended": (
        "sending again what a subscriber missed is done, or was cancelled",
        "まとめての再送が完了した、または取りやめになった",
    ),
    "recovery_failed": (
        "a step of that failed; tried again",
        "まとめての再送の途中で失敗した。再び試す",
    ),
    "release_failed": (
        "giving back webhooks at the stop failed; others take them when the lease ends",
        "停止時に、送らなかったWebhookを戻せなかった。リースが切れると、ほかのワーカーが送る",
    ),
    "renew_failed": (
        "prolonging the leases of webhooks under way failed; tried again",
        "送信中のWebhookのリースの延長に失敗した。再び試す",
    ),
    "request_failed": (
        "a request to the API failed; `trouble` names the database's fault, without it the fault is a defect",
        "APIのリクエストに失敗した。`trouble` はデータベースの問題の種類。なければ不具合",
    ),
    "result_refused": (
        "the database refuses the result of an attempt; the webhook is sent again. After several in a row the worker stops",
        "送信の結果をデータベースが受け付けない。リースが切れるとそのWebhookを再び送る。続けて起きるとワーカーは停止する",
    ),
    "span_not_ended": (
        "the span of an attempt could not be made; the webhook's outcome is recorded all the same",
        "送信のスパンを作成できなかった。Webhookの結果は記録する",
    ),
    "result_fenced_out": (
        "a result came after another worker had taken the webhook over; it does not count",
        "ほかのワーカーが引き継いだあとに結果が出た。この結果は採用しない",
    ),
    "sample_dropped": (
        "a rejected call could not be kept as a sample",
        "拒否したコールを見本として残せなかった",
    ),
    "sample_kept": (
        "a rejected call that looks like Zeus's was kept as a sample",
        "ゼウスらしいコールを拒否し、見本として残した",
    ),
    "sample_released": ("a rejected call was made a notice", "拒否したコールを取り込んだ"),
    "segment_torn": (
        "damaged bytes in a file of the spool were set aside; what was answered 200 had been written completely",
        "スプールのファイルの壊れた部分を別に移した。200を返したコールは、書き込みが完了している",
    ),
    "sends_cut_off": (
        "the stop did not wait for these webhooks; they are sent again",
        "停止までに終わらなかった送信を打ち切った。再び送られる",
    ),
    "service_variables_ignored": (
        "Kubernetes made `variables` of a Service whose name begins with `relay`; they are no settings and are ignored",
        "名前が `relay` で始まるServiceからKubernetesが作った環境変数。設定ではないため無視した",
    ),
    "set_aside_forgotten": (
        "files that were set aside reached the age for erasing",
        "残してあったファイルを、保存期間が過ぎたため削除した",
    ),
    "sign_in_refused": ("a wrong token", "誤ったトークンでのサインイン"),
    "sign_in_throttled": (
        "too many failed sign-ins; an address has to wait",
        "サインインの失敗が多すぎるため、待たせた",
    ),
    "signed_in": ("an operator signed in to the console", "担当者がコンソールにサインインした"),
    "source_not_allowed": (
        "a call came from a source that is not allowed: 403, or recorded with `let_in`; `behind_proxy`: a trusted proxy named the source",
        "許可していない送信元からのコール。403を返した（`let_in` なら記録した）。`behind_proxy` は、信用するプロキシ経由かどうか",
    ),
    "sources_kept": (
        "SIGHUP: a value cannot be used, so the sources stay as they were",
        "SIGHUPを受けたが、使えない値があるため、送信元の設定を変えなかった",
    ),
    "sources_reloaded": (
        "SIGHUP: the sources are those of now",
        "SIGHUPを受けて、送信元の設定を読み直した",
    ),
    "spool_entry_skipped": (
        "an entry of the spool directory cannot be read, for the given reason; it is tried again every minute",
        "スプールのディレクトリに、`reason` の理由で読めないものがある。1分ごとに再び試す",
    ),
    "spool_file_lost": (
        "a file of the spool was removed, moved, replaced or cut off while its writer ran; its calls are written again",
        "書き込み中のプロセスがあるうちに、スプールのファイルが削除、移動、置換または切り詰められた。コールは書き直す",
    ),
    "spool_lock_lost": (
        "the lock of a running receiver was removed or replaced; it goes on under a new name",
        "動いている受信のロックが削除または置換された。新しい名前で続ける",
    ),
    "spool_records_rewritten": (
        "the calls of a file of the spool that was lost are in a new file",
        "失われたスプールのファイルのコールを、新しいファイルに書き直した",
    ),
    "spool_drained": (
        "calls of the spool were brought to Postgres",
        "スプールのコールをPostgresに取り込んだ",
    ),
    "spool_failed": ("the spool cannot be written to", "スプールに書き込めない"),
    "spool_works_again": ("it can be written to again", "再びスプールに書き込めるようになった"),
    "standing_not_measured": (
        "the database could not be asked how things stand",
        "データベースの状況を調べられなかった",
    ),
    "stopped": (
        "a role ended; `in_time`: it finished what it had",
        "ロールが終了した。`in_time` は、処理中のものを終えられたかどうか",
    ),
    "subscriber_failing": (
        "a subscriber has failed often or for long",
        "配信先が続けて、または長い間失敗している",
    ),
    "subscriber_paused": (
        "a subscriber was paused: `gone`, or `failing` for `RELAY_PAUSE_AFTER`",
        "配信先を一時停止にした（`gone`、または `RELAY_PAUSE_AFTER` の間 `failing`）",
    ),
    "subscriber_recovered": (
        "a subscriber took a webhook again",
        "配信先が再びWebhookを受け取った",
    ),
    "uncaught": (
        "a defect in a thread or at a clean-up; the process goes on",
        "スレッドまたは後始末での不具合。プロセスは続行する",
    ),
    "unwind_failed": (
        "ending the limited rate of a resumed subscriber failed; tried again",
        "再開した配信先の送信速度の制限を解けなかった。再び試す",
    ),
    "watch_job_failed": (
        "a job that follows the measuring failed; tried at the next one",
        "測定後の処理に失敗した。次の測定のときに再び試す",
    ),
    "webhook_attempted": (
        "a webhook was sent; `outcome` says what came of it",
        "Webhookを送った。結果は `outcome`",
    ),
    "webhook_dead": ("a webhook was given up", "Webhookの配信を断念した"),
    "working": ("the worker is up", "ワーカーが起動した"),
}
"""By the name of the event: English, Japanese."""
