"""Japanese texts of the commands of applications, by their English text in the code."""

from collections.abc import Mapping

COMMAND: Mapping[str, str] = {
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
