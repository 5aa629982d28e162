"""Japanese texts of the settings, for the console and for the reference page."""

from collections.abc import Mapping

SETTINGS: Mapping[str, str] = {
    "The URL that is called; without one no call is made.": "呼び出すURL。なければコールしない",
    "GET or POST.": "GETまたはPOST",
    "The parameters that calls carry.": "コールに付けるパラメータ",
    "How calls escape their values.": "コールの値のエスケープのしかた",
    "Retries after a timeout.": "タイムアウト後の再送回数",
    "Seconds between a timeout and its retry.": "タイムアウトから再送までの秒数",
    "Seconds of patience, in real time.": "応答を待つ秒数（実時間）",
    "The agent name of calls; none by default.": "コールのエージェント名。既定ではなし",
    "Call for 02 and 03 too.": "02と03もコールする",
    "The IPコード that may apply.": "申込できるIPコード",
    "The test IDs that are valid.": "有効なテストID",
    "The stores in the contract.": "契約しているコンビニ",
    "The stores that are in maintenance.": "メンテナンス中のコンビニ",
    "Applications fail with 800001.": "申込を800001で失敗させる",
    "Days until the payment deadline.": "支払期限までの日数",
    "Parameters and rules whose faults are answered by name, not by 800000; or `all`.": (
        "800000ではなく名前を返す誤り（パラメータ名、規則、または `all`）"
    ),
    "The answer that names a parameter; `{name}` stands for it.": (
        "パラメータ名を返す応答の文面。`{name}` が名前になる"
    ),
    "A failed application gets an order number, a call for 02 and a mail.": (
        "失敗した申込にもオーダー番号を付け、02のコールとメールを送る"
    ),
    "The characters that applications may have: `shift_jis` has fewer.": (
        "申込に使える文字。`shift_jis` のほうが少ない"
    ),
    "A slip can be paid again after its payment was taken back.": (
        "入金取消のあとに、同じ払込票でまた入金できる"
    ),
    "CGI送信エラー通知 names the order and has the fields of other mails.": (
        "CGI送信エラー通知に、オーダー番号など、ほかのメールと同じ項目を入れる"
    ),
    "The error code for an IPコード that is not in `clientips`.": (
        "`clientips` にないIPコードへのエラーコード"
    ),
    "An unknown test ID fails the application, or makes it a real one.": (
        "未知のテストIDの扱い。申込の失敗、または本番の申込"
    ),
    "Issue payment numbers again after so many; 0: random ones.": (
        "払込用番号をこの件数ごとに再び使う。0なら乱数"
    ),
    "What order numbers begin with.": "オーダー番号の先頭",
    "Simulated seconds in a real second.": "実時間の1秒あたりに進む秒数",
    "Call and mail other machines too, not only this one. Fixed at the start.": (
        "このマシン以外にもコールとメールを送る。起動時だけ指定できる"
    ),
    "The SMTP server that gets the mails, as `host:port`.": (
        "メールを渡すSMTPサーバー（`ホスト:ポート`）"
    ),
    "The Maildir that gets the mails. Fixed at the start.": (
        "メールを入れるMaildir。起動時だけ指定できる"
    ),
    "The merchant's address; without one the merchant gets no mail.": (
        "加盟店のアドレス。なければ加盟店には送らない"
    ),
    "The mails that customers get: `slip`, `receipt`.": "お客様に送るメール（`slip`、`receipt`）",
    "The sender's address.": "送信元のアドレス",
    "The charset of mails.": "メールの文字コード",
    "Sign mails by DKIM for the sender's domain.": "送信元のドメインでDKIMの署名を付ける",
    "The DKIM selector.": "DKIMのセレクター",
    "Send each mail so many times.": "各メールをこの回数だけ送る",
    "Seconds of real time before a mail.": "メールの前に待つ秒数（実時間）",
    "Lose every nth mail; 0 loses none, 1 loses all.": (
        "n回に1回のメールを失う。0なら失わず、1ならすべて失う"
    ),
    "Make each call so many times.": "各コールをこの回数だけ送る",
    "Seconds of real time before a call.": "コールの前に待つ秒数（実時間）",
    "Lose every nth call; 0 loses none, 1 loses all.": (
        "n回に1回のコールを失う。0なら失わず、1ならすべて失う"
    ),
    "Make every nth call after the one that follows it, or a second later.": (
        "n回に1回のコールを、次のコールのあと（なければ1秒後）に送る"
    ),
    "Cut the query in the middle of its bytes.": "クエリーをバイト列の途中で切る",
    "Seconds over which the request trickles out.": "リクエストを少しずつ送り終えるまでの秒数",
    "An address of this machine to call from.": "呼び出し元にする、このマシンのアドレス",
    "Seconds of real time before the answer: 39 is in time, 41 is late.": (
        "応答の前に待つ秒数（実時間）。39なら間に合い、41なら遅れる"
    ),
    "Send half of the answer, then close.": "応答の半分を送って切断する",
    "Answer with an HTML page.": "HTMLのページを返す",
    "Make the slip and close without an answer.": "払込票を作り、応答せずに切断する",
}
"""Meaning of each setting, by its English text."""

SECTIONS: Mapping[str, str] = {
    "Calls": "コール",
    "Contract": "契約",
    "Where the manual is silent": "マニュアルにないこと",
    "Mails": "メール",
    "Faults of calls": "コールの障害",
    "Faults of answers": "申込の応答の障害",
    "Faults of mails": "メールの障害",
    "Clock": "時計",
}
"""Headings of the settings' groups."""

REASONS: Mapping[str, str] = {
    "the clock ends at 2100-01-01": "時計は2100年1月1日までしか進められません",
    "must be written in Shift_JIS": "Shift_JISの文字で指定してください",
    "must be an IP address": "IPアドレスを指定してください",
    "must be host:port": "「ホスト:ポート」の形で指定してください",
    "must be a mail address": "メールアドレスを指定してください",
    "the call URL is on another machine; start with --anywhere to allow it": (
        "URLが別のマシンを指しています。許すには --anywhere を付けて起動してください"
    ),
    "the SMTP server is on another machine; start with --anywhere to allow it": (
        "SMTPサーバーが別のマシンにあります。許すには --anywhere を付けて起動してください"
    ),
}
"""What a faulty value should be, where more than its limits is known."""
