"""Japanese help texts of arguments and options, by their English text in the code."""

from collections.abc import Mapping

from tools.docs import japanese_applications, japanese_simulator

PARAMETERS: Mapping[str, str] = {
    **japanese_simulator.OPTIONS,
    **japanese_applications.OPTIONS,
    "Only actions of this operator.": "この担当者が行ったものだけ",
    "Only actions of this kind.": "この種類の操作だけ",
    "Only actions on this subject, such as subscriber:shop.": (
        "この対象（`subscriber:shop` など）に行ったものだけ"
    ),
    "Maximum number of entries.": "表示する件数の上限",
    "Cursor that the previous page printed at its end.": "前のページの終わり",
    "Print the same JSON as the API.": "APIの応答と同じJSONを出力する",
    "Grant a database role the rights of receive, work or operate, and no others (repeatable).": (
        "データベースのロールに、receive、work、operateのいずれかに必要な権限だけを与える（"
        "複数回指定可）"
    ),
    "For developers: write a migration from the differences between tables and code.": (
        "開発者向け。テーブルの差分からマイグレーションを作る"
    ),
    "The notice's id.": "コールのID",
    (
        "A corrected value of a parameter, such as status=04. May be repeated. An empty value "
        "removes the parameter."
    ): "パラメータの正しい値（`status=04` など。複数回指定可）。値が空なら、そのパラメータを除く",
    "The review's id (see list).": "確認事項のID（`list` で分かる）",
    "Only open or only settled reviews.": "未決のものだけ、または結論の出たものだけ",
    "Only reviews with this reason.": "この理由のものだけ",
    "Only reviews of this order, alone or in a pair.": (
        "このオーダーのものだけ（2つのオーダーにかかわるものも含む）"
    ),
    "release: the goods may go. hold: they stay. dismiss: there is nothing to decide.": (
        "`release` は発送してよい、`hold` は発送しない、`dismiss` は判断することがない"
    ),
    "The note.": "メモ",
    "Mark every order with this number of yours (sendid), also those to come.": (
        "この `sendid` のオーダーを、これから届くものも含めてすべて記録する"
    ),
    "Remove the mark.": "記録を消す",
    "The reason, for other operators.": "理由（ほかの担当者のため）",
    "The sample's id.": "見本のID",
    "Only notices with this verdict.": "この判定のコールだけ",
    "Only notices of this order.": "このオーダーのコールだけ",
    "Only entries that need attention and are not dismissed.": (
        "人の対応が必要で、対応不要とされていないものだけ"
    ),
    "Show personal data, and a call's source, path and headers.": (
        "個人情報と、コールの送信元およびURLも表示する"
    ),
    "Days to look back.": "さかのぼる日数",
    "Zeus's order number (オーダー番号).": "オーダー番号",
    "Do not ask for confirmation.": "確認せずに実行する",
    "Zeus's order number (オーダー番号), in full.": "オーダー番号（完全一致）",
    "Your own number (sendid), in full.": "自社の番号（`sendid`、完全一致）",
    "The last four digits of the telephone number.": "電話番号の下4桁",
    "The amount in yen.": "金額（円）",
    "The date of the first call in Japan, such as 2026-11-23.": (
        "最初のコールの日（日本時間、`2026-11-23` の形式）"
    ),
    "Only orders in this state now.": "現在この状態のオーダーだけ",
    "First day in Japan of the first call, such as 2026-11-01.": (
        "最初のコールの日の、最初の日（日本時間、`2026-11-01` の形式）"
    ),
    "Last day in Japan of the first call.": "最初のコールの日の、最後の日（日本時間）",
    "First day in Japan of the first call, such as 2026-11-01. (default: 30 days with --to)": (
        "最初のコールの日の、最初の日（日本時間、`2026-11-01` の形式。既定：`--to` までの30日間）"
    ),
    "Last day in Japan of the first call. (default: today)": (
        "最初のコールの日の、最後の日（日本時間。既定：今日）"
    ),
    "Include or exclude orders of test applications, or show only these.": (
        "テストの申込のオーダーを含めるか、除くか、それだけを表示するか"
    ),
    "Group by day, store chain or IP code.": "集計の単位（日、店舗、IPコード）",
    "The exported file: CSV or TSV, in Shift_JIS or UTF-8.": (
        "出力したファイル（CSVまたはTSV、Shift_JISまたはUTF-8）"
    ),
    "Make notices of what is lacking here; workers judge them.": (
        "届いていないコールを補う。ワーカーが通常どおり判定する"
    ),
    "Heading of order_no, status or money, if it is not found (repeatable).": (
        "`order_no`、`status`、`money` の列の見出し（見つからないとき。複数可）"
    ),
    "The reconciliation's id.": "照合のID",
    "A message (.eml) or an mbox; - reads standard input.": (
        "メール（.eml）またはmbox。`-` は標準入力"
    ),
    "The mail's id (see list).": "メールのID（listで表示する）",
    "Only mails in this state.": "この状態のメールだけ",
    "Only mails about this order.": "このオーダーのメールだけ",
    "Only mails of this kind.": "この種類のメールだけ",
    "Only orders with this outcome. (default: all that do not agree)": (
        "この結果のオーダーだけ（既定：一致しないものすべて）"
    ),
    "Only undelivered webhooks (pending or dead).": (
        "送信待ちと断念したものだけ（`pending`、`dead`）"
    ),
    "Only webhooks in this state.": "この状態のWebhookだけ",
    "Only webhooks to this subscriber.": "この配信先へのWebhookだけ",
    "The subscriber's name.": "配信先の名前",
    "The webhook's id (see list).": "WebhookのID（`list` を参照）",
    "The recovery's id (see recoveries).": "まとめての再送のID（`recoveries` を参照）",
    "Start of the period: a time with its zone (2026-11-23T09:00+09:00) or an age (2h).": (
        "いつから。時差付きの時刻（`2026-11-23T09:00+09:00`）か、現在からの長さ（`2h`）"
    ),
    "End of the period, in the same form. (default: now)": (
        "いつまで。書き方は `--since` と同じ（既定：現在）"
    ),
    "Only these event types, separated by commas.": "この種類だけ（カンマ区切り）",
    "Include delivered webhooks, and events from before the subscriber was added.": (
        "配信済みのものと、登録前のものも含める"
    ),
    "Webhooks per second. (default: no limit)": "1秒あたりの件数（既定：制限なし）",
    "Only count the webhooks.": "件数だけを数える",
    "The receiver's notification URL, http or https. It may carry a query of its own.": (
        "通知用URL（`http` または `https`）。クエリが付いていてもよい"
    ),
    (
        "The scenario of each order: a name (see --list), several with commas, or all. (default: "
        "usual)"
    ): "オーダーに起きること。名前（`--list` を参照）、カンマ区切り、または `all`（既定：`usual`）",
    "How many orders go through each scenario.": "シナリオごとのオーダーの数",
    "Start this many calls a second, whatever the answers (load test).": (
        "応答を待たずに、毎秒この件数のコールを始める（負荷試験）"
    ),
    "How many orders are called about at once; not with --rate.": (
        "同時に進めるオーダーの数。`--rate` とは併用できない"
    ),
    "How the values are sent.": "値の送り方",
    "How the values are escaped; raw sends Shift_JIS as 8-bit bytes.": (
        "エスケープの方法。`raw` はShift_JISを8ビットのまま送る"
    ),
    "The HTTP version; 1.0 sends no Host.": "HTTPのバージョン。`1.0` ではHostを送らない",
    "How the lines of the request end.": "リクエストの改行",
    "Seconds to wait for an answer, as Zeus does.": "応答を待つ秒数（ゼウスと同じ）",
    "Retries after a timeout. Zeus makes none unless the merchant ordered them.": (
        "タイムアウト後の再送の回数（ゼウスでは要申込）"
    ),
    "Seconds between a timeout and its retry.": "タイムアウトから再送までの秒数",
    "The IPコード that the calls carry.": "コールのIPコード",
    "The parameters that are sent, with commas between them. (default: all 14)": (
        "送るパラメータ（カンマ区切り。既定：14個すべて）"
    ),
    "Repeats the orders of an earlier run. (default: by chance, and reported)": (
        "以前と同じオーダーを使う（既定：無作為に選んで表示）"
    ),
    "Report as JSON.": "結果をJSONで出力する",
    "List the scenarios and exit.": "シナリオの一覧を表示して終わる",
    "Also retry the calls that Postgres refused.": "Postgresが拒んだものも、もう一度試す",
    "URL for webhooks; omit it with --feed.": "Webhookの送信先。`--feed` では省く",
    "Event types to send, separated by commas. (default: all)": (
        "届けるイベントの種類（カンマ区切り。既定：すべて）"
    ),
    "Events of test orders. (default: exclude)": (
        "テストのオーダーのイベントを送るかどうか（既定：exclude）"
    ),
    "Events of test orders.": "テストのオーダーのイベントを送るかどうか",
    "Include the customer's name, telephone number and e-mail address.": (
        "お客様の氏名、電話番号、メールアドレスも送る"
    ),
    "For a system that cannot be called: it polls GET /v1/events with a token.": (
        "呼び出せない配信先。トークンで `GET /v1/events` をポーリングする"
    ),
    "Your own signing secret, whsec_… (default: generated)": (
        "自分で決めた署名シークレット `whsec_…`（既定：自動で作る）"
    ),
    "Sign with Ed25519; the subscriber gets a public key instead of a secret.": (
        "Ed25519で署名する。配信先には公開鍵を渡す"
    ),
    "A header for its webhooks (repeatable).": "Webhookに付けるヘッダー。複数回指定できる",
    "Deliver the events of an order strictly in sequence.": (
        "同じオーダーのイベントを順序どおりに1件ずつ送るかどうか"
    ),
    "Maximum number of webhooks in flight, 1 to 200.": "同時に送るWebhookの上限（1〜200）",
    "Timeout of an attempt, 1s to 60s.": "1回の送信にかけてよい時間（1s〜60s）",
    "Maximum number of webhooks per second.": "1秒あたりに送るWebhookの上限",
    "PEM file of the only certificate authorities to trust for this subscriber.": (
        "証明書の発行元として認める認証局だけを含むPEMファイル"
    ),
    "PEM file with our client certificate and its unencrypted private key.": (
        "提示するクライアント証明書と、暗号化していない秘密鍵のPEMファイル"
    ),
    "Time during which the earlier secret also signs, 0 to 7d.": (
        "以前のシークレットを併用する期間（0〜7d）"
    ),
    "URL for webhooks.": "Webhookの送信先",
    "Event types to send, separated by commas, or `all`.": (
        "届けるイベントの種類（カンマ区切り、または `all`）"
    ),
    "Include the customer's data in webhooks.": "お客様の情報を送るかどうか",
    "Remove this option from the subscriber (repeatable).": "外すもの。複数回指定できる",
    "Seconds to wait for the first attempt.": "最初の送信を待つ秒数",
    "The token's name: its user's.": "トークンの名前（使う人）",
    "viewer reads; operator also acts; admin also manages subscribers.": (
        "`viewer` は閲覧、`operator` は操作も、`admin` は配信先などの管理もできる"
    ),
    "Time until it expires, such as 90d. (default: never)": (
        "使えなくなるまでの長さ（`90d` など。既定：無期限）"
    ),
}
