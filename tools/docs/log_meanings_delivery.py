"""Meanings of log events about webhooks and subscribers.

Part of `log_meanings.MEANINGS`; each entry is the event's meaning in English and in Japanese.
"""

from collections.abc import Mapping

DELIVERY: Mapping[str, tuple[str, str]] = {
    "answer_not_recorded": (
        "the answer to an application could not be recorded yet; retried for a while",
        "申込への応答をまだ記録できていない。しばらく再び試す",
    ),
    "application_sent": (
        "an application was sent, or could not be; `state`: what is known of its slip",
        "申込を送信した、または送信できなかった。`state` は払込番号についての状態",
    ),
    "applications_lost": (
        "processes ended while they sent applications, whose outcome is now unknown",
        "申込の送信中にプロセスが終わった。結果は不明になった",
    ),
    "attempt_broke": (
        "an internal error while sending a webhook; it is retried and the attempt is not counted",
        "Webhookの送信中の不具合。回数に数えず、再び送る",
    ),
    "bound_failed": (
        "the lower bound for scans of due webhooks could not be read; retried",
        "期限の来たWebhookを探し始める位置を読めなかった。再び試す",
    ),
    "cancel_failed": (
        "the pending webhooks of a removed subscriber could not be cancelled; retried",
        "削除した配信先の、送信待ちのものを取りやめられなかった。再び試す",
    ),
    "cannot_sign": (
        "no key decrypts the subscriber's secret; retried, and the attempt is not counted",
        "配信先のシークレットを復号できる鍵がない。回数に数えず、再び試す",
    ),
    "claim_failed": (
        "due webhooks could not be claimed; retried",
        "送るべきWebhookの引き受けに失敗した。再び試す",
    ),
    "declared_subscriber_applied": (
        "a subscriber was created or changed as declared in `RELAY_SUBSCRIBERS`",
        "`RELAY_SUBSCRIBERS` に従い、配信先を作成または変更した",
    ),
    "feed_look_failed": (
        "new events for feed readers could not be read; retried",
        "フィードの新しいイベントの確認に失敗した。再び試す",
    ),
    "operational_test_stopped": (
        "sending an operational test from the console ended before its last application",
        "管理画面からの疎通テストの申込が、途中で止まった",
    ),
    "park_failed": (
        "webhooks that wait for an earlier one of their order could not be parked; retried",
        "先のWebhookを待つものの整理に失敗した。再び試す",
    ),
    "reconciliation_ended": (
        "a file of Zeus's console was compared with the orders to its end",
        "ゼウスの管理画面のCSVとの照合が完了した",
    ),
    "reconciliation_failed": (
        "a step of a reconciliation failed; retried",
        "照合の途中で失敗した。再び試す",
    ),
    "record_failed": (
        "results of attempts could not be recorded; retried",
        "送信結果の記録に失敗した。再び試す",
    ),
    "recovery_ended": (
        "a recovery finished or was cancelled",
        "まとめての再送が完了した、または取りやめになった",
    ),
    "recovery_failed": (
        "a step of a recovery failed; retried",
        "まとめての再送の途中で失敗した。再び試す",
    ),
    "release_failed": (
        (
            "claimed webhooks could not be released at the stop; other workers take them when the "
            "leases end"
        ),
        "停止時に、送らなかったWebhookを戻せなかった。リースが切れると、ほかのワーカーが送る",
    ),
    "renew_failed": (
        "the leases of webhooks in flight could not be renewed; retried",
        "送信中のWebhookのリースの延長に失敗した。再び試す",
    ),
    "result_refused": (
        (
            "the database rejected the result of an attempt; the webhook is sent again. After "
            "several in a row the worker stops"
        ),
        (
            "送信の結果をデータベースが受け付けない。リースが切れるとそのWebhookを再び送る。"
            "続けて起きるとワーカーは停止する"
        ),
    ),
    "span_not_ended": (
        "the trace span of an attempt could not be created; the webhook's outcome is recorded",
        "送信のスパンを作成できなかった。Webhookの結果は記録する",
    ),
    "result_fenced_out": (
        "a result came after another worker had taken over the webhook; it is discarded",
        "ほかのワーカーが引き継いだあとに結果が出た。この結果は採用しない",
    ),
    "sends_cut_off": (
        "the stop did not wait for these webhooks in flight; they are sent again",
        "停止までに終わらなかった送信を打ち切った。再び送られる",
    ),
    "subscriber_failing": (
        "a subscriber has failed several times in a row or for a long time",
        "配信先が続けて、または長い間失敗している",
    ),
    "subscriber_paused": (
        "a subscriber was paused: `gone`, or `failing` for `RELAY_PAUSE_AFTER`",
        "配信先を一時停止にした（`gone`、または `RELAY_PAUSE_AFTER` の間 `failing`）",
    ),
    "subscriber_recovered": (
        "a subscriber accepted a webhook again",
        "配信先が再びWebhookを受け取った",
    ),
    "unwind_failed": (
        "the rate limit of a resumed subscriber could not be lifted; retried",
        "再開した配信先の送信速度の制限を解けなかった。再び試す",
    ),
    "webhook_attempted": (
        "a webhook was sent; `outcome` is the result",
        "Webhookを送った。結果は `outcome`",
    ),
    "webhook_dead": (
        "a webhook failed its last attempt and is dead",
        "Webhookの配信を断念した",
    ),
}
