"""Japanese help texts of the metrics, by exposed name."""

from collections.abc import Mapping

METRICS: Mapping[str, str] = {
    "zeus_relay_build_info": "動いているバージョン",
    "zeus_relay_calls_answered_total": "通知用URLへのリクエスト（返したHTTPステータス別）",
    "zeus_relay_calls_rejected_total": "受け付けなかったリクエスト（理由別）",
    "zeus_relay_calls_let_in_total": (
        "許可していない送信元からのコールのうち、RELAY_SOURCE_MODEがobserveのため記録したもの"
    ),
    "zeus_relay_rejected_samples_kept_total": "見本として残した、拒否したコール",
    "zeus_relay_connections_open": "公開側の接続の数",
    "zeus_relay_connections_dropped_total": "公開側で切断した接続（理由別）",
    "zeus_relay_answer_seconds": "コールの到着から応答までの時間",
    "zeus_relay_append_batch_notices": "1回のコミットで記録したコールの数",
    "zeus_relay_database_available": (
        "コールをPostgresに記録している間は1、スプールに置いている間は0"
    ),
    "zeus_relay_calls_held": "どこにも記録できず、応答を保留しているコール",
    "zeus_relay_notices_refused_total": "Postgresが拒み、別のファイルに残したコール",
    "zeus_relay_spool_records": "スプールでPostgresの復旧を待つコール",
    "zeus_relay_spool_bytes": "スプールのディレクトリにある全ファイルのバイト数",
    "zeus_relay_spool_oldest_seconds": "スプールにある最も古いコールの経過秒数。空なら0",
    "zeus_relay_spool_records_written_total": "スプールに書いたコール",
    "zeus_relay_spool_records_drained_total": "スプールからPostgresに取り込んだコール",
    "zeus_relay_spool_failures_total": "スプールへの書き込みの失敗",
    "zeus_relay_spool_files_lost_total": (
        "書いたプロセスの動作中に削除、移動または置換されたスプールのファイル"
    ),
    "zeus_relay_spool_entries_skipped_total": (
        "スプールのディレクトリにある、使えないものを取り込もうとした回数"
    ),
    "zeus_relay_spool_torn_bytes_total": (
        "スプールで見つかり、別のファイルに移した壊れた部分のバイト数"
    ),
    "zeus_relay_notices_judged_total": "判定したコール（判定別）",
    "zeus_relay_events_created_total": "作ったイベント（種類別）",
    "zeus_relay_mailbox_available": (
        "このプロセスがメールボックスを読んでいる間は1、失敗したあとは0。読まないプロセスにはない"
    ),
    "zeus_relay_mailbox_read_timestamp_seconds": (
        "このプロセスがメールボックスを最後まで読み終えた、直近の時刻"
    ),
    "zeus_relay_mailbox_messages_total": (
        "メールボックスのメール（結果別：kept、too_large、goneまたはunmarked）"
    ),
    "zeus_relay_mails_judged_total": "読んだメール（その状態別）",
    "zeus_relay_mails_paired_total": (
        "コールを待ち終えたメール（matched、missing、healed、copyの別）"
    ),
    "zeus_relay_mails_open": (
        "人の対応が要るメール（10,000まで数える）。missing はコールが届いていないもの、"
        "not_believed は信用できないもの（24時間以内）、call_failed はCGI送信エラー通知"
    ),
    "zeus_relay_last_mail_timestamp_seconds": "最後のメールの時刻。なければ0",
    "zeus_relay_calls_expecting_mail": (
        "1時間前までの1時間に届き、メールもあるはずのコール。メールを使っていなければ0"
    ),
    "zeus_relay_calls_without_mail": "そのうち、信用できるメールがないコール",
    "zeus_relay_attempts_total": "Webhookを送った回数（結果別）",
    "zeus_relay_attempt_seconds": "1回の送信にかかった時間",
    "zeus_relay_subscriber_signals_total": (
        "失敗し始めた、一時停止になった、または回復した配信先（種類別）"
    ),
    "zeus_relay_webhooks_dead_total": "最後まで失敗し、断念したWebhook",
    "zeus_relay_results_fenced_out_total": "リースがほかのワーカーに移ったあとに出た送信の結果",
    "zeus_relay_claim_batch_webhooks": "ワーカーが1回に引き受けたWebhookの数",
    "zeus_relay_alerts_posted_total": "RELAY_ALERT_URLへの投稿（結果別：takenまたはfailed）",
    "zeus_relay_housekeeping_stopped": "時計が食い違い、期間による消去と削除を止めている間は1",
    "zeus_relay_arrival_wait_seconds": (
        "公開側への要求が、読まれるまでカーネルで待った時間。zeus_relay_answer_secondsに含まれる"
    ),
    "zeus_relay_accept_queue_connections": "受け付けを待つ、公開側への接続",
    "zeus_relay_accept_queue_limit": (
        "受け付けを待てる、公開側への接続の上限。超えた接続は捨てられる"
    ),
    "zeus_relay_accept_queue_overflows_total": (
        "受け付け待ちの上限を超えて接続を捨てた回数"
        "（このマシンまたはコンテナのすべての待ち受けの合計）"
    ),
    "zeus_relay_loop_lag_seconds": "コールに応答するイベントループの遅れ",
    "zeus_relay_log_lines_dropped_total": "読み手またはディスクが受け付けず、失われたログの行",
    "zeus_relay_process_restarts_total": (
        "`zeus-relay up` が、終わってしまった2つ目のプロセスを起動し直した回数"
    ),
    "zeus_relay_sends_in_flight": "このプロセスが送信中のWebhook",
    "zeus_relay_sends_hanging": "このプロセスが送信中のWebhookのうち、1秒を超えたもの",
    "zeus_relay_sends_capped": (
        "このプロセスが、遅いか停止中のため枠を制限した配信先へ送信中のWebhook"
    ),
    "zeus_relay_lookup_threads": "このプロセスで、配信先の名前解決に使用中のスレッド",
    "zeus_relay_lookups_total": (
        "配信先の名前解決（結果別：found 成功、failed 失敗、fallback 前回のアドレスを使用、"
        "no_thread 延期）"
    ),
    "zeus_relay_unjudged_notices": "判定を待つコール（10,000まで数える）",
    "zeus_relay_unjudged_oldest_seconds": "判定を待つ最も古いコールの経過秒数。なければ0",
    "zeus_relay_undelivered_webhooks": "配信を待つWebhook（配信先別、10,000まで数える）",
    "zeus_relay_undelivered_oldest_seconds": "配信を待つ最も古いWebhookの経過秒数。なければ0",
    "zeus_relay_needs_attention": "人の対応を待つコールとWebhook（10,000まで数える）",
    "zeus_relay_open_reviews": "未対応の確認事項（理由別、10,000まで数える）",
    "zeus_relay_subscribers": "配信先の数（状態別）",
    "zeus_relay_subscriber_paused": "一時停止中の配信先は1、それ以外は0",
    "zeus_relay_last_call_timestamp_seconds": "最後のコールを受け取った時刻。まだなければ0",
    "zeus_relay_usual_calls_per_hour": "同じ曜日の同じ時間帯のコール数（過去4週間の平均）",
    "zeus_relay_expected_calls_since_last": (
        "最後のコールから今までに、通常なら来ているはずのコール数"
    ),
    "zeus_relay_measured_timestamp_seconds": "データベースを最後に調べた時刻",
    "zeus_relay_oldest_transaction_seconds": (
        "不要な行を残す最も古いトランザクションの経過秒数（session、prepared、replica別）"
    ),
    "zeus_relay_replication_slot_active": "読み手のあるレプリケーションスロットは1、それ以外は0",
    "zeus_relay_replication_slot_wal_bytes": "レプリケーションスロットが残しているWALのバイト数",
    "zeus_relay_public_certificate_expiry_timestamp_seconds": (
        "RELAY_PUBLIC_URLの証明書の期限。一度も確認できていない間は出力しない"
    ),
    "zeus_relay_applications_sent_total": "送信した、または送信しようとした申込（その後の状態別）",
    "zeus_relay_application_seconds": "申込の送信から、ゼウスの応答の終わりまでの時間",
    "zeus_relay_unknown_applications": "結果が不明の申込（10,000まで数える）",
}
