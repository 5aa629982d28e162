"""Japanese texts of the simulator's page and command, by their English text in the code."""

from collections.abc import Mapping

MAGIC_VALUES: Mapping[str, str] = {
    "nothing happens after the application": "申込のあと何も起きない",
    "paid at once, not confirmed": "すぐに入金され、売上確定はしない",
    "paid and confirmed": "入金され、売上確定する",
    "paid and taken back": "入金され、取り消される",
    "paid, taken back, paid again, confirmed": "入金、取消、再入金のあと、売上確定する",
    "never paid, the deadline passes": "入金されないまま期日が切れる",
    "re-issued, then the old slip is paid": "再発行のあと、古い払込票で入金される",
    "re-issued, the old slip is paid and confirmed": (
        "再発行のあと、古い払込票で入金され、売上確定する"
    ),
    "re-issued, the old slip is paid and taken back": (
        "再発行のあと、古い払込票で入金され、取り消される"
    ),
    "the service is stopped, then the slip is paid: no call": (
        "サービス停止のあとに入金される（番組停止。コールなし）"
    ),
    **{f"fails with {code}": f"{code} で失敗する" for code in ("800000", "800001", "800002")},
    **{f"fails with {code}": f"{code} で失敗する" for code in ("900000", "0008", "0011", "0013")},
    "no rel=, the answer names the parameter username": (
        "`rel=` がなく、パラメータ名 `username` が返る"
    ),
    "the slip is made, the answer is lost, the calls come": (
        "払込票はできるが応答が失われる。コールは届く"
    ),
    "the answer comes after 50 seconds": "応答が50秒後に届く",
    "the answer comes after 39 seconds": "応答が39秒後に届く",
    "half of the answer comes": "応答が途中で切れる",
    "an HTML page comes instead of the answer": "応答の代わりにHTMLのページが届く",
    "paid and confirmed, no call comes, the mails come": (
        "入金され、売上確定する。コールは届かず、メールは届く"
    ),
    "paid and confirmed, no mail comes, the calls come": (
        "入金され、売上確定する。メールは届かず、コールは届く"
    ),
    "paid and confirmed, neither a call nor a mail comes": (
        "入金され、売上確定するが、コールもメールも届かない"
    ),
}
"""By the English text of each magic value."""

OPERATIONS: Mapping[str, str] = {
    "List the newest orders whose number or values contain `search`.": (
        "番号か値に `search` を含むオーダー（新しい順）"
    ),
    "Show an order with its calls and its mails.": "1つのオーダーと、そのコールとメール",
    "Show a mail as it was sent, with its headers and its signature.": (
        "送ったままのメール（ヘッダーと署名を含む）"
    ),
    "Show the DNS record with the public key of the mails' signatures.": (
        "メールの署名を検証する公開鍵のDNSレコード"
    ),
    "Make a call once more, as staff do in the console. Answers when it has been made.": (
        "コールをもう一度送る（管理画面での再送）。送り終えてから応答する"
    ),
    "Pay, confirm, take back, expire, re-issue or stop. Answers with the call's outcome.": (
        "`pay` 入金、`confirm` 売上確定、`take-back` 入金取消、`expire` 期日切、`reissue` 再発行、"
        "`stop` サービス停止。コールを送り終えてから、その結果とともに応答する"
    ),
    "Show the settings.": "設定",
    "Change some settings; objects are merged, all else is replaced.": (
        "設定を変える。オブジェクトは統合し、ほかは置き換える"
    ),
    "Show the simulated time and its speed.": "シミュレーターの時刻と速さ",
    "Move the clock forward. Answers when everything that fell due has been called.": (
        "時計を進める。期限の来たものをすべてコールしてから応答する"
    ),
    "Forget every order, call, mail and timer. With `settings=true` restore the first settings.": (
        "オーダー、コール、メール、タイマーをすべて消す。`settings=true` なら設定も起動時に戻す"
    ),
    "List the magic values: the endings of e-mail and telephone number that choose an outcome.": (
        "マジック値の一覧。メールアドレスや電話番号の末尾で結果を選ぶ"
    ),
}
"""By the first line of each operation's English text."""

COMMAND: Mapping[str, str] = {
    (
        "Be Zeus: take applications, keep slips, and call and mail as Zeus does.\n\n"
        "Prints one line of JSON with its address when it listens. Its API, its settings, "
        "its magic\nvalues and the form of recordings are in docs/reference/simulator.md."
    ): (
        "ゼウス役のサーバーになる。申込を受け付け、払込票を管理し、"
        "ゼウスと同じようにコールとメールを送る。\n\n"
        "待ち受けを始めると、アドレスを1行のJSONで表示する。API、設定、マジック値、記録の形式は"
        " docs/reference/simulator.md にある。"
    ),
}
OPTIONS: Mapping[str, str] = {
    "The address to listen on.": "待ち受けるアドレス",
    "The port; 0 takes a free one.": "ポート番号。0なら空いているもの",
    "The SQLite file that keeps orders. (default: memory)": (
        "オーダーを保存するSQLiteファイル（既定：メモリー）"
    ),
    "The URL to call; without one no call is made.": "呼び出すURL。なければコールしない",
    "How calls send their values.": "コールで値を送る方法",
    "The parameters that calls carry, with commas. (default: all)": (
        "コールに付けるパラメータ（カンマ区切り。既定：すべて）"
    ),
    "Retries after a timeout.": "タイムアウト後の再送回数",
    "Call for 02 and 03 too.": "02と03もコールする",
    "The SMTP server that gets mails, as host:port.": "メールを渡すSMTPサーバー（ホスト:ポート）",
    "The Maildir that gets mails.": "メールを入れるMaildir",
    "Replay a recording, report how the simulator differs, and end.": (
        "記録を再生し、シミュレーターとの違いを表示して終了する"
    ),
    "The IPコード that may apply, with commas.": "申込できるIPコード（カンマ区切り）",
    "The valid test IDs, with commas.": "有効なテストID（カンマ区切り）",
    "Days until the payment deadline.": "支払期限までの日数",
    "Simulated seconds in a real second.": "実時間の1秒あたりに進む秒数",
    "Listen for and call other machines too.": (
        "このマシン以外からも受け付け、このマシン以外も呼び出す"
    ),
    "Any setting by its name, the value as JSON (repeatable): faults.calls.times=2.": (
        "名前で指定する任意の設定。値はJSON（`faults.calls.times=2` など。複数回指定できる）"
    ),
}
"""By the English text of each option."""
