"""Japanese help texts of the commands, by their English text in the code."""

from collections.abc import Mapping

from tools.docs import japanese_applications, japanese_simulator

HELP: Mapping[str, str] = {
    **japanese_simulator.COMMAND,
    **japanese_applications.COMMAND,
    "List actions and views of personal data, newest first.": (
        "操作と個人情報の閲覧の記録を表示する（新しい順）"
    ),
    (
        "Run everything, a sample subscriber that prints webhooks and a simulated Zeus.\n\n"
        "The simulated Zeus plays scenarios against the receiver."
    ): (
        "すべてのロールに加えて、届いたものを表示する見本の配信先と、"
        "ゼウス役のシミュレーターを動かす"
    ),
    (
        "Check the configuration and suggest a remedy for each problem.\n\n"
        "Exits with 1 if it finds an error."
    ): "設定の問題点と対処を表示する。動作しない問題があれば、終了コードは1",
    "Print a new key for RELAY_SECRET_KEYS.": "RELAY_SECRET_KEYSに使う新しい鍵を表示する",
    "Migrate the database to the latest revision; safe while the service runs.": (
        "データベースを最新にする。サービスの稼働中に実行できる"
    ),
    "Dismiss a quarantined or conflicting call: it needs no attention. Its verdict stays.": (
        "保留または内容の食い違うコールを、要対応から外す。判定は変わらない"
    ),
    "Dismiss a rejected call: it needs no attention.": "拒否したコールを、要対応から外す",
    "List the calls, newest first.": "コールの一覧を表示する（新しい順）",
    "List rejected calls that look like Zeus's, newest first.": (
        "拒否したうち、ゼウスらしいコールの一覧を表示する（新しい順）"
    ),
    "Release a call from quarantine; a worker then judges it, with corrected values if given.": (
        "保留されたコールを判定させる。値を訂正することもできる"
    ),
    "List the reviews, newest first.": "確認事項の一覧を表示する（新しい順）",
    "Show a review: the values that disagree, the calls, and the notes.": (
        "確認事項の、食い違う値、コール、メモを表示する"
    ),
    "Settle a review. With release, its order is released if nothing else holds it.": (
        "確認事項に結論を出す。`release` なら、ほかに止めるものがないオーダーは発送可になる"
    ),
    "Add a note to a review, open or settled.": "確認事項にメモを書き足す",
    "Mark a purchase that you cancelled. If it is paid all the same, a review says so.": (
        "取り消した購入を記録する。それでも支払われると、確認事項になる"
    ),
    "Record a rejected call as a notice; a worker judges it. Allow its source, too.": (
        "拒否したコールを取り込み、ほかのコールと同じように判定する。送信元も許可に加えること"
    ),
    "Show a call: its raw bytes and the parsed parameters.": (
        "1つのコールを、届いたままのバイト列と読み取った内容で表示する"
    ),
    "Show a rejected call: its raw bytes and the parsed parameters.": (
        "拒否した1つのコールを、届いたままのバイト列と読み取った内容で表示する"
    ),
    "Run the private listener for operators: console, API, metrics and health.": (
        "運用者側（API、コンソール、メトリクス、ヘルスチェック）を動かす"
    ),
    "Erase an order's personal data: raw calls, customer, subscribers' answers. Verdicts stay.": (
        "オーダーの個人情報（コールの原文、お客様の情報、配信先の応答）を消去する。判定の結果は残る"
    ),
    "Find orders that match all options, newest first. Without options, list the newest.": (
        "すべての条件に合うオーダーを探す（新しい順）。オプションがなければ最新のもの"
    ),
    "Write the orders that match all options to standard output, as CSV for spreadsheets.": (
        "すべての条件に合うオーダーを、表計算ソフト用のCSVで標準出力に書き出す"
    ),
    "Count orders and add up their money, by day, store or IP code, and by state.": (
        "日、店舗、IPコードごと、状態ごとに、オーダーの件数と金額を集計する"
    ),
    "Show an order with its calls, events, webhooks and attempts.": (
        "1つのオーダーの、コール、イベント、Webhook、送信の記録を表示する"
    ),
    (
        "Compare a file that Zeus's console exported with the orders.\n\n"
        "Exits with 3 if orders do not agree and were not healed."
    ): (
        "ゼウスの管理画面から出力したファイルを、オーダーと照合する。一致せず、補ってもいないオーダーがあれば、"
        "終了コードは3"
    ),
    (
        "Keep the messages of a file. Workers read them, match them with calls, and heal lost "
        "ones.\n\nEach message is kept once: importing it again is harmless. The exit code is 75 "
        "if they\ncannot be kept now, so that a mail server tries again later."
    ): (
        "ファイルのメールを保存する。ワーカーが読んでコールと照合し、届かなかったコールを補う。"
        "同じメールは1通だけ保存するため、もう一度取り込んでもよい。保存できないときの終了コードは75で、"
        "メールサーバーは後で再試行する"
    ),
    "List the mails, newest first.": "メールを一覧する（新しい順）",
    "Show one mail: what it says, and what became of it.": (
        "1通のメールの内容と、その結果を表示する"
    ),
    "Make up for the lost call of a believed mail: a notice is made of it and judged.": (
        "届かなかったコールをメールで補う。メールから通知を作って判定する"
    ),
    "Say that nothing follows from a mail.": "メールを対応不要にする",
    "List the reconciliations and their progress, newest first.": (
        "照合と進み具合を一覧する（新しい順）"
    ),
    "Show a reconciliation: its counts, and the outcomes of orders.": (
        "1つの照合の件数と、オーダーごとの結果を表示する"
    ),
    "Cancel a recovery. Webhooks that are already due are still sent.": (
        "まとめての再送を終わらせる。すでに送信待ちになったものは送られる"
    ),
    "Dismiss a dead webhook: it needs no attention. It can still be retried.": (
        "断念したWebhookを、要対応から外す。その後も再送できる"
    ),
    "List the webhooks, newest first.": "Webhookの一覧を表示する（新しい順）",
    "Resend webhooks that a subscriber missed. Workers send them; each keeps its webhook-id.": (
        "ある期間に配信先へ届かなかったものをまとめて再送する。ワーカーが実行し、"
        "webhook-idは変わらない"
    ),
    "List the recoveries and their progress, newest first.": (
        "まとめての再送の一覧と進み具合を表示する（新しい順）"
    ),
    "Retry a pending or dead webhook now. Its attempts are counted from zero again.": (
        "送信待ちまたは断念したWebhookを、ただちに送る。試行回数は最初から数え直す"
    ),
    "Run a receiver: records and answers Zeus's calls.": (
        "受信を動かす。ゼウスのコールを記録し、応答する"
    ),
    (
        "Re-encrypt all secrets with the first key of RELAY_SECRET_KEYS.\n\n"
        "Every process must have that key already. Afterwards the older keys can be removed."
    ): (
        "すべてのシークレットを、RELAY_SECRET_KEYSの先頭の鍵（全プロセスに設定済みのもの）"
        "で暗号化し直す。その後、古い鍵を外せる"
    ),
    (
        "Play Zeus: call URL about invented orders; report each answer and what Zeus would have"
        " done.\n\n"
        "Exits with 1 if Zeus would have sent a CGI送信エラー通知 mail about any call."
    ): (
        "ゼウス役になる。架空のオーダーについてURLを呼び出し、応答と、"
        "ゼウスならどうしたかを表示する。\n\n"
        "ゼウスなら「CGI送信エラー通知」を送ったはずのコールが1つでもあれば、終了コードは1。"
    ),
    (
        "Drain the spool files of stopped processes into Postgres.\n\n"
        "A running receiver drains its own files as soon as Postgres is available."
    ): (
        "終了したプロセスがスプールに残したコールをPostgresに取り込む。動いている受信は、"
        "Postgresが戻り次第、自分で取り込む"
    ),
    "Erase an order's quarantined calls from this machine's spool directory.": (
        "このマシンのスプールに別ファイルで残した、オーダーに関するものを消去する"
    ),
    "Count the pending and the quarantined calls in the spool directory.": (
        "スプールで待つコールと、別ファイルに残したものの量"
    ),
    "Add a subscriber. Its signing secret, public key or token is shown only once.": (
        "配信先を登録する。署名シークレット、公開鍵、またはトークンは一度だけ表示する"
    ),
    "List the subscribers.": "配信先の一覧を表示する",
    "Pause a subscriber: its webhooks stay pending until it is resumed.": (
        "再開するまで、配信先に送るべきものを保持する"
    ),
    "Remove a subscriber: erase URL and secrets, cancel pending webhooks. History stays.": (
        "配信先のURLとシークレットを削除し、送信待ちのものを取りやめる。履歴は残る"
    ),
    "Resume a paused subscriber, starting with its pending webhooks.": (
        "保持していたものから、送信を再開する"
    ),
    "Replace a subscriber's signing secret, or the token of one that polls; shown only once.": (
        "署名シークレットを更新し、一度だけ表示する。ポーリングする配信先では、トークンを更新する"
    ),
    "Change a subscriber; other fields stay. Given headers replace all earlier ones.": (
        "配信先の設定を変える。指定しないものは変わらない。ヘッダーを指定すると、"
        "それまでのものをすべて置き換える"
    ),
    "Show a subscriber and its numbers of pending and dead webhooks.": (
        "1つの配信先と、送るべきものを表示する"
    ),
    (
        "Send a test webhook and show the result.\n\n"
        "Exits with 1 unless it was delivered, or with --wait 0 unless it was enqueued."
    ): (
        "テスト用のWebhookを送り、結果を表示する。届かなければ（--wait 0では、登録できなければ）、"
        "終了コードは1"
    ),
    "Create a token. It is shown only once.": "担当者のトークンを作り、一度だけ表示する",
    "List the tokens that are not revoked.": "失効していないトークンの一覧を表示する",
    "Revoke a token. Every process rejects it within a few seconds.": (
        "トークンを失効させる。数秒のうちに、どのプロセスでも使えなくなる"
    ),
    (
        "Run everything: migrations and receiver, worker and API in a second process.\n\n"
        "Without RELAY_DATABASE_URL it starts an embedded Postgres."
    ): (
        "マイグレーションのあと、すべてを動かす。受信が1つ目、ワーカーと運用者側が2つ目のプロセスになる。"
        "RELAY_DATABASE_URLがなければ、内蔵のPostgresを使う"
    ),
    "Run a worker: judges notices and delivers webhooks.": (
        "ワーカーを動かす。コールを判定し、Webhookを送る"
    ),
}
