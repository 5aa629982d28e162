"""The help of the commands in Japanese; the code has it in English only."""

from collections.abc import Mapping

from tools.docs import japanese_simulator

HELP: Mapping[str, str] = {
    **japanese_simulator.COMMAND,
    "List actions and looks at personal values, the latest first.": "操作と個人情報の閲覧の記録を表示する（新しい順）",
    "Run everything, with a sample subscriber that prints what it gets and a simulated Zeus that plays scenarios against it.": (
        "すべてのロールに加えて、届いたものを表示する見本の配信先と、ゼウス役のシミュレーターを動かす"
    ),
    "Say what is wrong with the configuration, and what to do about it. Exits with 1 if something cannot work.": (
        "設定の問題点と対処を表示する。動作しない問題があれば、終了コードは1"
    ),
    "Print a new key for RELAY_SECRET_KEYS.": "RELAY_SECRET_KEYSに使う新しい鍵を表示する",
    "Bring the database up to date; safe while the service runs.": "データベースを最新にする。サービスの稼働中に実行できる",
    "Take a call that is in quarantine or in conflict out of what needs attention. It stays what it is.": (
        "保留または内容の食い違うコールを、要対応から外す。判定は変わらない"
    ),
    "Take a rejected call out of what needs attention.": "拒否したコールを、要対応から外す",
    "List the calls, the latest first.": "コールの一覧を表示する（新しい順）",
    "List rejected calls that look like Zeus's, the latest first.": "拒否したうち、ゼウスらしいコールの一覧を表示する（新しい順）",
    "Have a quarantined call judged in spite of what is wrong with it.": "保留されたコールを、問題があっても判定させる",
    "Make a notice of a rejected call, to be judged like any other. Add its source to the allowed ones too.": (
        "拒否したコールを取り込み、ほかのコールと同じように判定する。送信元も許可に加えること"
    ),
    "Show a call with its raw bytes and how they were read.": "1つのコールを、届いたままのバイト列と読み取った内容で表示する",
    "Show a rejected call with its raw bytes and how they read.": "拒否した1つのコールを、届いたままのバイト列と読み取った内容で表示する",
    "Show which statuses and parameters Zeus has sent, and what to ask for.": (
        "ゼウスから届いたステータスとパラメータ、依頼すべきものを表示する"
    ),
    "Run the operator's side: API, metrics and health on the private listener.": (
        "運用者側（API、コンソール、メトリクス、ヘルスチェック）を動かす"
    ),
    "Erase the personal data of an order: raw calls, customer, subscribers' answers. What was decided stays.": (
        "オーダーの個人情報（コールの原文、お客様の情報、配信先の応答）を消去する。判定の結果は残る"
    ),
    "Find the orders to which all of this applies, the latest first; without options the latest of all.": (
        "すべての条件に合うオーダーを探す（新しい順）。オプションがなければ最新のもの"
    ),
    "Show an order with its calls, events, webhooks and attempts.": "1つのオーダーの、コール、イベント、Webhook、送信の記録を表示する",
    "End a recovery. What has become due already is sent.": "まとめての再送を終わらせる。すでに送信待ちになったものは送られる",
    "Take a webhook that was given up out of what needs attention. It can still be retried.": (
        "断念したWebhookを、要対応から外す。その後も再送できる"
    ),
    "List the webhooks, the latest first.": "Webhookの一覧を表示する（新しい順）",
    "Send a subscriber again what it missed in a span of time. Workers do it; each webhook keeps its webhook-id.": (
        "ある期間に配信先へ届かなかったものをまとめて再送する。ワーカーが実行し、webhook-idは変わらない"
    ),
    "List the recoveries and how far they are, the latest first.": "まとめての再送の一覧と進み具合を表示する（新しい順）",
    "Make a webhook that waits or was given up due now; its attempts are counted from the beginning again.": (
        "送信待ちまたは断念したWebhookを、ただちに送る。試行回数は最初から数え直す"
    ),
    "Run a receiver: answers Zeus's calls and keeps them.": "受信を動かす。ゼウスのコールを記録し、応答する",
    "Encrypt all secrets anew with the first of RELAY_SECRET_KEYS, which every process must know already; older keys can go then.": (
        "すべてのシークレットを、RELAY_SECRET_KEYSの先頭の鍵（全プロセスに設定済みのもの）で暗号化し直す。その後、古い鍵を外せる"
    ),
    "Play Zeus: call URL about invented orders and report, for each call, the answer and what Zeus would have done about it.\n\n"
    "Exits with 1 if Zeus would have sent a CGI送信エラー通知 mail about any call.": (
        "ゼウス役になる。架空のオーダーについてURLを呼び出し、応答と、ゼウスならどうしたかを表示する。\n\n"
        "ゼウスなら「CGI送信エラー通知」を送ったはずのコールが1つでもあれば、終了コードは1。"
    ),
    "Bring to Postgres what processes that are gone have left. A living receiver drains its own as soon as Postgres is there.": (
        "終了したプロセスがスプールに残したコールをPostgresに取り込む。動いている受信は、Postgresが戻り次第、自分で取り込む"
    ),
    "Erase what was set aside about an order in this machine's spool directory.": (
        "このマシンのスプールに別ファイルで残した、オーダーに関するものを消去する"
    ),
    "Say how much waits in the spool directory and what was set aside there.": "スプールで待つコールと、別ファイルに残したものの量",
    "Add a subscriber. Its signing secret, public key or token is shown this once.": (
        "配信先を登録する。署名シークレット、公開鍵、またはトークンは一度だけ表示する"
    ),
    "List the subscribers.": "配信先の一覧を表示する",
    "Hold what is owed to a subscriber until it is resumed.": "再開するまで、配信先に送るべきものを保持する",
    "Forget a subscriber's URL and secrets and cancel what is owed to it. Its history stays.": (
        "配信先のURLとシークレットを削除し、送信待ちのものを取りやめる。履歴は残る"
    ),
    "Send again, beginning with what was held.": "保持していたものから、送信を再開する",
    "Give a subscriber a new signing secret, shown this once; to one that polls, a new token.": (
        "署名シークレットを更新し、一度だけ表示する。ポーリングする配信先では、トークンを更新する"
    ),
    "Change a subscriber; what is not named stays. Headers that are given take the place of all it had.": (
        "配信先の設定を変える。指定しないものは変わらない。ヘッダーを指定すると、それまでのものをすべて置き換える"
    ),
    "Show a subscriber and what is owed to it.": "1つの配信先と、送るべきものを表示する",
    "Send a test webhook and tell what came of it. Exits with 1 unless it was delivered, or with --wait 0 owed.": (
        "テスト用のWebhookを送り、結果を表示する。届かなければ（--wait 0では、登録できなければ）、終了コードは1"
    ),
    "Make a token. It is shown this once.": "担当者のトークンを作り、一度だけ表示する",
    "List the tokens that are not revoked.": "失効していないトークンの一覧を表示する",
    "End a token; within a few seconds nobody takes it any more.": "トークンを失効させる。数秒のうちに、どのプロセスでも使えなくなる",
    "Run everything in one process: migrations, receiver, worker, API. Without RELAY_DATABASE_URL with an embedded Postgres.": (
        "マイグレーションのあと、受信、ワーカー、運用者側を1プロセスで動かす。RELAY_DATABASE_URLがなければ、内蔵のPostgresを使う"
    ),
    "Run a worker: judges notices and delivers webhooks.": "ワーカーを動かす。コールを判定し、Webhookを送る",
}
"""By the English text."""

PARAMETERS: Mapping[str, str] = {
    **japanese_simulator.OPTIONS,
    "Only what this operator did.": "この担当者が行ったものだけ",
    "Only actions of this kind.": "この種類の操作だけ",
    "Only what was done to this (subscriber:shop).": "この対象（`subscriber:shop` など）に行ったものだけ",
    "How many to list at most.": "表示する件数の上限",
    "Where the page before ended.": "前のページの終わり",
    "Print JSON, as the API answers.": "APIの応答と同じJSONを出力する",
    "Give a role of the database the rights of receive, work or operate, and no others (repeatable).": (
        "データベースのロールに、receive、work、operateのいずれかに必要な権限だけを与える（複数回指定可）"
    ),
    "For developers: write a migration from what the tables lack.": "開発者向け。テーブルの差分からマイグレーションを作る",
    "The notice's id.": "コールのID",
    "Why, for others to read.": "理由（ほかの担当者のため）",
    "The sample's id.": "見本のID",
    "Only notices with this verdict.": "この判定のコールだけ",
    "Only notices of this order.": "このオーダーのコールだけ",
    "Only what needs a human and was not dismissed.": "人の対応が必要で、対応不要とされていないものだけ",
    "Show personal values, and where and as whom Zeus called.": "個人情報と、コールの送信元およびURLも表示する",
    "How many days to look back.": "さかのぼる日数",
    "Zeus's order number (オーダー番号).": "オーダー番号",
    "Do not ask.": "確認せずに実行する",
    "Zeus's order number (オーダー番号), whole.": "オーダー番号（完全一致）",
    "Your own number (sendid), whole.": "自社の番号（`sendid`、完全一致）",
    "The last four digits of the telephone number.": "電話番号の下4桁",
    "The amount in yen.": "金額（円）",
    "The day of the first call in Japan, such as 2026-11-23.": "最初のコールの日（日本時間、`2026-11-23` の形式）",
    "Only webhooks that wait or were given up (pending, dead).": "送信待ちと断念したものだけ（`pending`、`dead`）",
    "Only webhooks in this state.": "この状態のWebhookだけ",
    "Only webhooks to this subscriber.": "この配信先へのWebhookだけ",
    "The subscriber's name.": "配信先の名前",
    "The webhook's id (see list).": "WebhookのID（`list` を参照）",
    "The recovery's id (see recoveries).": "まとめての再送のID（`recoveries` を参照）",
    "From when: a time with its zone (2026-11-23T09:00+09:00), or how long ago (2h).": (
        "いつから。時差付きの時刻（`2026-11-23T09:00+09:00`）か、現在からの長さ（`2h`）"
    ),
    "Until when, as --since. (default: now)": "いつまで。書き方は `--since` と同じ（既定：現在）",
    "Only these types, with commas.": "この種類だけ（カンマ区切り）",
    "Also what was delivered, and what was never owed.": "配信済みのものと、登録前のものも含める",
    "So many a second. (default: no limit)": "1秒あたりの件数（既定：制限なし）",
    "Only count.": "件数だけを数える",
    "The receiver's notification URL, http or https. It may carry a query of its own.": (
        "通知用URL（`http` または `https`）。クエリが付いていてもよい"
    ),
    "What happens to each order: a name (see --list), several with commas, or all. (default: usual)": (
        "オーダーに起きること。名前（`--list` を参照）、カンマ区切り、または `all`（既定：`usual`）"
    ),
    "How many orders go through each scenario.": "シナリオごとのオーダーの数",
    "Start this many calls a second, whatever the answers (load test).": "応答を待たずに、毎秒この件数のコールを始める（負荷試験）",
    "How many orders are called about at once; not with --rate.": "同時に進めるオーダーの数。`--rate` とは併用できない",
    "How the values are sent.": "値の送り方",
    "How the values are escaped; raw sends Shift_JIS as 8-bit bytes.": "エスケープの方法。`raw` はShift_JISを8ビットのまま送る",
    "The HTTP version; 1.0 sends no Host.": "HTTPのバージョン。`1.0` ではHostを送らない",
    "How the lines of the request end.": "リクエストの改行",
    "Seconds to wait for an answer, as Zeus does.": "応答を待つ秒数（ゼウスと同じ）",
    "Retries after a timeout. Zeus makes none unless the merchant ordered them.": "タイムアウト後の再送の回数（ゼウスでは要申込）",
    "Seconds between a timeout and its retry.": "タイムアウトから再送までの秒数",
    "The IPコード that the calls carry.": "コールのIPコード",
    "The parameters that are sent, with commas between them. (default: all 14)": "送るパラメータ（カンマ区切り。既定：14個すべて）",
    "Repeats the orders of an earlier run. (default: by chance, and reported)": "以前と同じオーダーを使う（既定：無作為に選んで表示）",
    "Report as JSON.": "結果をJSONで出力する",
    "List the scenarios and exit.": "シナリオの一覧を表示して終わる",
    "Try what was refused before once more.": "Postgresが拒んだものも、もう一度試す",
    "Where webhooks are sent; left out with --feed.": "Webhookの送信先。`--feed` では省く",
    "The types of events it gets, with commas. (default: all)": "届けるイベントの種類（カンマ区切り。既定：すべて）",
    "Send the customer's name, telephone number and e-mail address.": "お客様の氏名、電話番号、メールアドレスも送る",
    "It cannot be called and polls GET /v1/events with a token.": "呼び出せない配信先。トークンで `GET /v1/events` をポーリングする",
    "A signing secret of your own, whsec_…  (default: one is made)": "自分で決めた署名シークレット `whsec_…`（既定：自動で作る）",
    "Sign by Ed25519; the subscriber gets a public key instead of a secret.": "Ed25519で署名する。配信先には公開鍵を渡す",
    "A header for its webhooks; may be repeated.": "Webhookに付けるヘッダー。複数回指定できる",
    "Whether the events of one order come one after the other.": "同じオーダーのイベントを順序どおりに1件ずつ送るかどうか",
    "How many webhooks it is sent at once at most, 1 to 200.": "同時に送るWebhookの上限（1〜200）",
    "How long an attempt may take, 1s to 60s.": "1回の送信にかけてよい時間（1s〜60s）",
    "How many webhooks a second it is sent at most.": "1秒あたりに送るWebhookの上限",
    "A PEM file of the authorities that alone may have issued its certificate.": "証明書の発行元として認める認証局だけを含むPEMファイル",
    "A PEM file with a certificate to show to it and the unencrypted private key.": (
        "提示するクライアント証明書と、暗号化していない秘密鍵のPEMファイル"
    ),
    "How long the earlier secret signs as well, 0 to 7d.": "以前のシークレットを併用する期間（0〜7d）",
    "Where webhooks are sent.": "Webhookの送信先",
    "The types of events it gets, with commas; `all`.": "届けるイベントの種類（カンマ区切り、または `all`）",
    "Whether to send the customer's data.": "お客様の情報を送るかどうか",
    "Take this from it; may be repeated.": "外すもの。複数回指定できる",
    "Seconds to wait for the first attempt.": "最初の送信を待つ秒数",
    "The token's name: who uses it.": "トークンの名前（使う人）",
    "viewer reads, operator also acts, admin also manages subscribers.": (
        "`viewer` は閲覧、`operator` は操作も、`admin` は配信先などの管理もできる"
    ),
    "After how long it ceases to work, such as 90d. (default: never)": "使えなくなるまでの長さ（`90d` など。既定：無期限）",
}
"""By the English text: arguments and options."""
