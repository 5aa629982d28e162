"""Steps that a customer takes at each chain to pay a slip, in Japanese and English.

Our own words, and general: chains rename their terminals and buttons. The order of the numbers is
the one in which the chain asks for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class StoreSteps:
    """What a customer does at a chain. `number_names` are the English names of its numbers."""

    english_name: str
    number_names: tuple[str, ...]
    ja: tuple[str, ...]
    en: tuple[str, ...]


def _loppi(name: str, terminal: str) -> StoreSteps:
    return StoreSteps(
        name,
        ("Receipt number", "Confirmation number"),
        (
            f"店内の端末「{terminal}」で「各種番号をお持ちの方」を選びます。",
            "受付番号、確認番号の順に入力し、内容を確かめます。",
            "端末から出る申込券を持って、すぐにレジへお越しください。申込券の有効時間は短いです。",
            "レジで代金を払い、領収書を受け取ります。",
        ),
        (
            f"At the {name} terminal in the store ({terminal}), choose "
            "“各種番号をお持ちの方” (I have a number).",
            "Enter the receipt number, then the confirmation number, and check the details.",
            "Take the printed ticket to the till straight away. It is valid only for a short time.",
            "Pay at the till and keep the receipt.",
        ),
    )


_ANYWHERE: Final = StoreSteps(
    "Convenience store",
    (),
    (
        "支払いに必要な番号を控えて、お選びの店舗へお越しください。",
        "店内の端末に番号を入力するか、レジで番号を伝えます。",
        "レジで代金を払い、領収書を受け取ります。",
    ),
    (
        "Write down the payment numbers and go to a store of the chain that you chose.",
        "Enter the numbers at the terminal in the store, or tell them to the staff at the till.",
        "Pay at the till and keep the receipt.",
    ),
)

_STEPS: Final[Mapping[str, StoreSteps]] = {
    "D001": StoreSteps(
        "7-Eleven",
        ("Payment slip number",),
        (
            "払込票のページを印刷するか、払込票番号を控えます。",
            "セブン-イレブンのレジで「インターネット代金の支払い」と伝えます。",
            "払込票を渡すか、払込票番号を伝えます。",
            "代金を払い、領収書を受け取ります。",
        ),
        (
            "Print the page with the payment slip, or write down the payment slip number.",
            "At the till of a 7-Eleven, say that you pay for an online purchase "
            "(インターネット代金の支払い).",
            "Hand over the slip, or show the payment slip number.",
            "Pay at the till and keep the receipt.",
        ),
    ),
    "D002": _loppi("Lawson", "Loppi"),
    "D030": StoreSteps(
        "FamilyMart",
        ("Order number", "Company code"),
        (
            "店内のマルチコピー機で「代金支払い」を選びます。",
            "企業コード、注文番号の順に入力し、内容を確かめます。",
            "機械から出る申込券を持って、すぐにレジへお越しください。申込券の有効時間は短いです。",
            "レジで代金を払い、領収書を受け取ります。",
        ),
        (
            "At the multi-copy machine in the store (マルチコピー機), choose “代金支払い” "
            "(payment).",
            "Enter the company code, then the order number, and check the details.",
            "Take the printed ticket to the till straight away. It is valid only for a short time.",
            "Pay at the till and keep the receipt.",
        ),
    ),
    "D015": StoreSteps(
        "Seicomart",
        ("Payment receipt number",),
        (
            "店内の端末「クラブステーション」で「インターネット受付」を選びます。"
            "端末がない店舗では、レジで「インターネット代金の支払い」と伝えます。",
            "お支払受付番号と、申し込んだときの電話番号を伝えるか、入力します。",
            "申込券が出たときは、すぐにレジへお持ちください。",
            "レジで代金を払い、領収書を受け取ります。",
        ),
        (
            "At the terminal in the store (クラブステーション), choose “インターネット受付” "
            "(online purchases). Where there is no terminal, tell the staff at the till that you "
            "pay for an online purchase (インターネット代金の支払い).",
            "Enter or show the payment receipt number and the telephone number of your order.",
            "If a ticket is printed, take it to the till straight away.",
            "Pay at the till and keep the receipt.",
        ),
    ),
    "D050": _loppi("Ministop", "ミニストップ Loppi"),
    "D060": StoreSteps(
        "Daily Yamazaki",
        ("Online payment number",),
        (
            "デイリーヤマザキのレジで「オンライン決済」と伝えます。",
            "オンライン決済番号を伝えるか、レジの画面に入力し、内容を確かめます。",
            "代金を払い、領収書を受け取ります。",
        ),
        (
            "At the till of a Daily Yamazaki, say that you make an online payment "
            "(オンライン決済).",
            "Show the online payment number, or enter it at the till's display, and check the "
            "details.",
            "Pay at the till and keep the receipt.",
        ),
    ),
}


def steps_of(store_code: str) -> StoreSteps:
    """Return the steps at this chain, or general ones if the code is not known."""
    return _STEPS.get(store_code, _ANYWHERE)


def english_label(store_code: str, label: str, place: int) -> str:
    """Return the English name of a chain's number, with the chain's own label in brackets."""
    names = steps_of(store_code).number_names
    return f"{names[place]} ({label})" if place < len(names) else label
