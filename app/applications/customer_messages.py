"""Messages to the customer about an application, in Japanese and English. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from app.applications.store_steps import english_label, steps_of
from app.zeus.stores import store_of


@dataclass(frozen=True, slots=True)
class Message:
    """A text for the customer. Lines end with a line feed; no line holds personal data."""

    ja: str
    en: str


_OTHER_STORE: Final = Message(
    "お選びのコンビニでは、ただいまお支払いの受付ができません。ほかのコンビニを選んで、"
    "もう一度お申し込みください。",
    "The convenience store that you chose cannot take this payment now. Please choose another "
    "store and apply again.",
)
_NOT_NOW: Final = Message(
    "ただいまコンビニ払いのお申し込みを受け付けられません。お手数ですが、お問い合わせください。",
    "Payment at a convenience store is not available now. Please contact us.",
)

_BY_CODE: Final[Mapping[str, Message]] = {
    "800000": Message(
        "システムの設定により、コンビニ払いのお申し込みを受け付けられませんでした。"
        "お手数ですが、お問い合わせください。",
        "A setting of our system prevented the payment slip. Please contact us.",
    ),
    "800001": _NOT_NOW,
    "800002": Message(
        "お選びのコンビニはご利用いただけません。ほかのコンビニを選んで、"
        "もう一度お申し込みください。",
        "The convenience store that you chose is not available here. Please choose another store "
        "and apply again.",
    ),
    "900000": Message(
        "お申し込みの内容を受け付けられませんでした。お名前、電話番号、メールアドレスを確かめて、"
        "もう一度お申し込みください。",
        "The details could not be accepted. Please check your name, telephone number and e-mail "
        "address, and apply again.",
    ),
    "0011": _NOT_NOW,
    "0008": Message(
        "お選びのコンビニはメンテナンス中です。ほかのコンビニを選んで、"
        "もう一度お申し込みください。",
        "The convenience store that you chose is under maintenance. Please choose another store "
        "and apply again.",
    ),
    "0013": Message(
        "コンビニ払いの受付はメンテナンス中です。しばらくたってから、もう一度お申し込みください。",
        "Payment at convenience stores is under maintenance. Please apply again later.",
    ),
}

_BY_PARAMETER: Final[Mapping[str, Message]] = {
    "username": Message(
        "お名前を受け付けられませんでした。全角カタカナで入力し、もう一度お申し込みください。",
        "The name could not be accepted. Please enter it in full-width katakana and apply again.",
    ),
    "telno": Message(
        "電話番号を受け付けられませんでした。0で始まる9桁から11桁の番号を入力し、"
        "もう一度お申し込みください。",
        "The telephone number could not be accepted. Please enter a number of 9 to 11 digits that "
        "starts with 0, and apply again.",
    ),
    "email": Message(
        "メールアドレスを受け付けられませんでした。アドレスを確かめて、もう一度お申し込みください。",
        "The e-mail address could not be accepted. Please check it and apply again.",
    ),
    "pay_cvs": _OTHER_STORE,
    "money": Message(
        "この金額はコンビニで払えません。ほかのお支払い方法をお選びください。",
        "This amount cannot be paid at a convenience store. Please choose another way to pay.",
    ),
}

_OTHERWISE: Final = Message(
    "コンビニ払いのお申し込みを受け付けられませんでした。お手数ですが、お問い合わせください。",
    "The payment slip could not be issued. Please contact us.",
)
_WAITING: Final = Message(
    "お申し込みの結果を確認しています。しばらくお待ちください。"
    "二重のお支払いを防ぐため、もう一度お申し込みにならないでください。",
    "We are checking the result of your application. Please wait. Do not apply again, so that you "
    "do not pay twice.",
)
_NOT_SENT: Final = Message(
    "通信できなかったため、お申し込みは行われていません。しばらくたってから、"
    "もう一度お試しください。",
    "The connection failed, so nothing was applied for. Please try again in a few minutes.",
)
_PAID: Final = Message(
    "お支払いを確認しました。ありがとうございました。もう一度お支払いになる必要はありません。",
    "We have received your payment. Thank you. There is nothing more to pay.",
)
_EXPIRED: Final = Message(
    "お支払いの期限が過ぎました。この番号ではお支払いになれません。",
    "The payment deadline has passed. This slip can no longer be paid.",
)
_ENDED: Final = Message(
    "このお申し込みでお支払いになるものはありません。",
    "There is nothing to pay for this application.",
)
_WEEKDAYS: Final = "月火水木金土日"


def success_message(
    store_code: str,
    numbers: Sequence[tuple[str, str]],
    deadline: date | None,
    redirect_url: str | None,
    support: str | None,
) -> Message:
    """Return how to pay an accepted application.

    `numbers` are the chain's labels with their values. The redirect is shown only if it is https.
    """
    steps, store = steps_of(store_code), store_of(store_code)
    ja = [f"{store.name if store else 'コンビニ'}でお支払いください。"]
    en = [f"Please pay at {steps.english_name if store else 'the convenience store'}."]
    ja += [f"{label}: {value}" for label, value in numbers]
    en += [
        f"{english_label(store_code, label, place)}: {value}"
        for place, (label, value) in enumerate(numbers)
    ]
    if deadline is not None:
        day = deadline_words(deadline)
        ja.append(f"支払期限: {day.ja}")
        en.append(f"Pay by: {day.en}")
    if redirect_url is not None and is_safe_link(redirect_url):
        ja.append(f"払込票のページ: {redirect_url}")
        en.append(f"Page with the payment slip: {redirect_url}")
    ja += [f"{number}. {step}" for number, step in enumerate(steps.ja, 1)]
    en += [f"{number}. {step}" for number, step in enumerate(steps.en, 1)]
    return _with_support(Message("\n".join(ja), "\n".join(en)), support)


def error_message(error_code: str | None, parameter: str | None, support: str | None) -> Message:
    """Return what the customer can do about a failed application.

    The parameter that Zeus refused counts where one is named; the code does otherwise.
    """
    if parameter is not None:
        found = _BY_PARAMETER.get(parameter, _OTHERWISE)
    else:
        found = _BY_CODE.get(error_code or "", _OTHERWISE)
    return _with_support(found, support)


def waiting_message(support: str | None) -> Message:
    """Return the text for an application whose outcome is not known."""
    return _with_support(_WAITING, support)


def not_sent_message(support: str | None) -> Message:
    """Return the text for an application that did not reach Zeus."""
    return _with_support(_NOT_SENT, support)


def ended_message(order_state: str, support: str | None) -> Message:
    """Return the text for an application whose slip is not to be paid any more.

    `order_state` is the state of its order.
    """
    paid = {"paid", "confirmed", "paid_after_cancel", "confirmed_after_cancel"}
    expired = {"expired", "expiry_presumed"}
    found = _PAID if order_state in paid else _EXPIRED if order_state in expired else _ENDED
    return _with_support(found, support)


def deadline_words(deadline: date) -> Message:
    """Return a day in Japan in words."""
    ja = f"{deadline.year}年{deadline.month}月{deadline.day}日({_WEEKDAYS[deadline.weekday()]})"
    return Message(f"{ja}(日本時間)", f"{deadline.day} {deadline:%B %Y} (in Japan)")


def is_safe_link(url: str) -> bool:
    """Return True if a customer may be sent to this address: https, and no blanks or controls."""
    return url.startswith("https://") and url.isprintable() and " " not in url


def _with_support(message: Message, support: str | None) -> Message:
    if not support:
        return message
    return Message(f"{message.ja}\nお問い合わせ先: {support}", f"{message.en}\nContact: {support}")
