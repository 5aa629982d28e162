"""Japanese descriptions of the HTTP API's operations, by method and path."""

from collections.abc import Mapping

OPERATIONS: Mapping[str, str] = {
    "GET /v1/overview": (
        "1時間ごとのコール数、応答の遅れ、滞留しているもの、届いていない配信先。最大3秒前の値"
    ),
    "GET /v1/attention": "人の対応が必要なもの。種類ごとに、対応不要とされていない最新の50件",
    "GET /v1/orders": "すべての条件に合うオーダー（新しい順）",
    "POST /v1/orders/{order_no}/erase": (
        "オーダーの個人情報（原文、お客様の情報、配信先の応答）を消去する。判定の結果は残る"
    ),
    "GET /v1/orders/{order_no}": "1つのオーダーの、コール、イベント、Webhook、送信の記録",
    "PUT /v1/orders/{order_no}/unwanted": (
        "取り消したオーダーとして記録する。それでも支払われると、確認事項 `unwanted_payment` になる"
    ),
    "DELETE /v1/orders/{order_no}/unwanted": (
        "オーダーの取り消しの記録を消す。すでにある確認事項はそのまま残る"
    ),
    "GET /v1/reviews": "人が判断することと、判断したこと（新しい順）",
    "GET /v1/reviews/{review_id}": "1つの確認事項とそのメモ",
    "POST /v1/reviews/{review_id}/settle": (
        "確認事項に結論を出す。ほかに止めるものがなければ、オーダーは発送可になる"
    ),
    "POST /v1/reviews/{review_id}/notes": "確認事項にメモを書き足す",
    "GET /v1/unwanted/{sendid}": "取り消した購入の記録",
    "PUT /v1/unwanted/{sendid}": (
        "コールが届く前でも、取り消した購入として記録する。支払われると確認事項になる"
    ),
    "DELETE /v1/unwanted/{sendid}": (
        "購入の取り消しの記録を消す。すでにある確認事項はそのまま残る"
    ),
    "GET /v1/orders.csv": "すべての条件に合うオーダーの、表計算ソフト用のCSV（新しい順）",
    "GET /v1/events.jsonl": "イベントのJSON Lines（古い順）。個人情報は伏せる",
    "GET /v1/reviews.csv": "確認事項の表計算ソフト用のCSV（新しい順）",
    "GET /v1/totals": ("400日までの、日、店舗、IPコードごと、状態ごとのオーダーの件数と金額の合計"),
    "GET /v1/totals.csv": "同じ集計のCSV。集計の単位と状態ごとに1行",
    "GET /v1/notices": "ゼウスからのコール（新しい順）",
    "GET /v1/notices/{notice_id}": "1つのコールの、届いたままのバイト列と読み取った内容",
    "POST /v1/notices/{notice_id}/release": (
        "保留されたコールを、必要なら値を訂正して判定させる。ワーカーがまもなく判定する"
    ),
    "POST /v1/notices/{notice_id}/dismiss": (
        "保留または内容の食い違うコールを、要対応から外す。判定は変わらない"
    ),
    "GET /v1/rejected-samples": (
        "403を返したもののうち、ゼウスらしいコール（新しい順）。残るのは100件まで"
    ),
    "GET /v1/rejected-samples/{sample_id}": (
        "拒否した1つのコールの、届いたままのバイト列と読み取った内容"
    ),
    "POST /v1/rejected-samples/{sample_id}/release": (
        "拒否したコールを取り込み、ほかのコールと同じように判定する"
    ),
    "POST /v1/rejected-samples/{sample_id}/dismiss": "拒否したコールを、要対応から外す",
    "GET /v1/events": (
        "イベント（古い順）。`after` か `wait` を付けるか、フィード用のトークンを使うと、"
        "欠落のないフィードになる"
    ),
    "GET /v1/events/{event_id}": "1つのイベント",
    "GET /v1/event-types": "イベントの種類と、それぞれのWebhookのJSON Schema",
    "GET /v1/outbound-webhooks": "配信先に送った、または送るべきWebhook（新しい順）",
    "GET /v1/outbound-webhooks/{webhook_id}": "1つのWebhookと、すべての送信の記録",
    "POST /v1/outbound-webhooks/{webhook_id}/retry": (
        "送信待ちまたは断念したWebhookを、ただちに送る。試行回数は最初から数え直す"
    ),
    "POST /v1/outbound-webhooks/{webhook_id}/dismiss": (
        "断念したWebhookを、要対応から外す。その後も再送できる"
    ),
    "POST /v1/outbound-webhooks/recover": (
        "ある期間に配信先へ届かなかったものをまとめて再送する。`webhook-id` は変わらない"
    ),
    "GET /v1/recoveries": "すべてのまとめての再送（新しい順）",
    "POST /v1/recoveries": (
        "ある期間に届かなかったものをまとめて再送するか、件数だけを数える。ワーカーが行い、"
        "`webhook-id` は変わらない"
    ),
    "GET /v1/recoveries/{recovery_id}": "1つのまとめての再送と、その進み具合",
    "POST /v1/recoveries/{recovery_id}/cancel": (
        "まとめての再送を終わらせる。すでに送信待ちになったものは送られる"
    ),
    "GET /v1/mails": "すべてのメール（新しい順）",
    "POST /v1/mails": "メールまたはmboxを渡す。ワーカーが数秒以内に読む",
    "GET /v1/mails/{mail_id}": "1通のメール。本文とバイト列には `personal=true` が要る",
    "POST /v1/mails/{mail_id}/heal": (
        "届かなかったコールをメールで補う。メールから通知を作って判定する"
    ),
    "POST /v1/mails/{mail_id}/dismiss": (
        "メールを対応不要にする。届かないコールの確認事項も終わる"
    ),
    "GET /v1/reconciliations": "すべての照合（新しい順）",
    "POST /v1/reconciliations": (
        "ゼウスの管理画面から出力したファイルを、オーダーと照合する。ワーカーが行う"
    ),
    "GET /v1/reconciliations/{reconciliation_id}": "1つの照合の進み具合、件数、オーダーごとの結果",
    "POST /v1/applications": "ゼウスに払込番号の発行を申し込む",
    "GET /v1/applications": "すべての申込（新しい順）",
    "GET /v1/applications/{application_id}": "1つの申込の現在の状態",
    "GET /v1/applications/{application_id}/page": (
        "お客様に見せる結果のページ（支払い方、または次にすべきこと）。完全なHTML"
    ),
    "POST /v1/applications/{application_id}/resolve": (
        "結果が不明の申込を、ゼウスの管理画面で確かめた結果で解決する"
    ),
    "GET /v1/subscribers": "すべての配信先（名前順）",
    "POST /v1/subscribers": (
        "配信先を登録する。これ以降に作られるイベントが届く。署名シークレットは、"
        "この応答に一度だけ含まれる"
    ),
    "GET /v1/subscribers/{name}": "1つの配信先と、送るべきもの",
    "PATCH /v1/subscribers/{name}": (
        "配信先の設定を変える。すでに送信待ちのWebhookも、新しいURLに送る"
    ),
    "DELETE /v1/subscribers/{name}": (
        "配信先のURLとシークレットを削除し、送信待ちのものを取りやめる。履歴は名前とともに残る"
    ),
    "POST /v1/subscribers/{name}/pause": "再開するまで、配信先に送るべきものを保持する",
    "POST /v1/subscribers/{name}/resume": "保持していたものから、送信を再開する",
    "POST /v1/subscribers/{name}/rotate-secret": (
        "署名シークレットを更新する。新しいものは一度だけ表示され、しばらくは両方の署名が付く"
    ),
    "POST /v1/subscribers/{name}/test": "`webhook.test` を送り、最初の送信の結果を待つ",
    "GET /v1/tokens": "失効していないトークン（名前順）",
    "POST /v1/tokens": "運用者のトークンを作る。この応答に一度だけ含まれる",
    "DELETE /v1/tokens/{name}": "トークンを失効させる。数秒のうちに、どのプロセスでも使えなくなる",
    "GET /v1/audit": "すべての操作と個人情報の閲覧の記録（新しい順）",
}
