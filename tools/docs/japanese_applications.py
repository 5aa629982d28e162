"""Japanese texts of the commands of applications, by their English text in the code."""

from collections.abc import Mapping

COMMAND: Mapping[str, str] = {
    (
        "List the statuses and parameters that Zeus has sent, and those that are missing.\n\n"
        "With --apply, run the operational test: each store chain with each kind of test. The exit "
        "code\nis 1 if not everything arrived."
    ): (
        "ゼウスから届いたステータスとパラメータ、まだ届いていないものを表示する。"
        "`--apply` を付けると、すべての店舗と種類の疎通テストを行う。"
        "すべてが届かなければ、終了コードは1になる"
    ),
    (
        "Apply to Zeus for a payment slip.\n\n"
        "Exit codes: 0 accepted; 3 the outcome is not known, so do not apply again; 4 Zeus refused "
        "it; 5\nnothing was sent, so the same key may be tried again."
    ): (
        "ゼウスに払込票を1件申し込む。終了コードは、0が受付、3が結果不明（もう一度申し込んではいけない）、"
        "4がゼウスによる拒否、5が未送信（同じキーでやり直せる）"
    ),
    "List the applications that match all options, newest first.": (
        "すべてのオプションに合う申込の一覧を表示する（新しい順）"
    ),
    "Show an application with the text for its customer.": (
        "1つの申込と、お客様への案内文を表示する"
    ),
    "Resolve an application whose outcome is not known, after a look into Zeus's console.": (
        "結果が不明の申込を、ゼウスの売上管理画面で確かめた結果で解決する"
    ),
}
OPTIONS: Mapping[str, str] = {
    "Send the test applications, and wait for their calls and mails.": (
        "テスト申込を送り、そのコールとメールを待つ"
    ),
    "With --apply: the customer's name, in kana.": "`--apply` のとき：お客様の氏名（カナ）",
    "With --apply: a telephone number of yours.": "`--apply` のとき：自社の電話番号",
    "With --apply: an e-mail address of yours.": "`--apply` のとき：自社のメールアドレス",
    "With --apply: only this store chain, by name or code. Can be given several times.": (
        "`--apply` のとき：この店舗だけ。名前かコードで指定する（複数回指定可）"
    ),
    "With --apply: only tests of this kind. Can be given several times.": (
        "`--apply` のとき：この種類のテストだけ（複数回指定可）"
    ),
    "With --apply: the IPコード, if you have several.": (
        "`--apply` のとき：IPコード（複数ある場合）"
    ),
    "With --apply: go on with this run. No test of it is sent twice.": (
        "`--apply` のとき：この回のテストを続ける。同じテストを2回送ることはない"
    ),
    (
        "With --apply: how long to wait, such as 40m. Without it, until Zeus should have played "
        "everything."
    ): "`--apply` のとき：待つ時間（`40m` など）。省略すると、すべてが届くはずの時刻まで待つ",
    (
        "With --apply: wait for Zeus's mails too. Without it, if a mailbox is set or mails came "
        "in the last two weeks."
    ): (
        "`--apply` のとき：ゼウスのメールも待つ。省略すると、メールボックスの設定があるか、"
        "2週間のうちにメールが届いていれば待つ"
    ),
    "Store chain, by name or code, such as lawson or D002.": (
        "店舗の名前かコード（`lawson`、`D002` など）"
    ),
    "The customer's name, in kana.": "お客様の氏名（カナ）",
    "The customer's telephone number.": "お客様の電話番号",
    "The customer's e-mail address.": "お客様のメールアドレス",
    "Your own number of the purchase (sendid).": "この購入の自社の番号（`sendid`）",
    "A value of yours in place of the relay's reference.": (
        "リレーの参照番号の代わりに送る自社の値（`sendpoint`）"
    ),
    "The IPコード, if you have several.": "IPコード（複数ある場合）",
    "Make it a test of this kind.": "この種類のテストにする",
    "The earlier application of the same purchase that this one replaces.": (
        "この申込が置き換える、同じ購入の前の申込"
    ),
    (
        "The key of this application: the same key never makes a second slip. Without it, one is "
        "made and printed."
    ): (
        "この申込のキー。同じキーで2枚目の払込票が作られることはない。"
        "指定しなければ、作成して表示する"
    ),
    "Only applications in this state.": "この状態の申込だけ",
    "The application's id (see list).": "申込のID（`list` で分かる）",
    "Zeus's order number of the slip, from Zeus's console.": (
        "ゼウスの売上管理画面にある、払込票のオーダー番号"
    ),
    "Zeus's console has no slip for it.": "ゼウスの売上管理画面に払込票がない",
}
