"""Result page for the customer: one complete HTML page without scripts and personal data."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from app.applications import customer_messages as messages
from app.applications.customer_messages import Message
from app.applications.store_steps import english_label, steps_of
from app.zeus.stores import store_of

_FILES = Path(__file__).parent / "templates"
_JAPANESE = re.compile("[々〆぀-ヿ㐀-鿿]+")


class PageLanguage(StrEnum):
    """Language of the result page."""

    JAPANESE = "ja"
    ENGLISH = "en"


class Phase(StrEnum):
    """What an application means to the customer now."""

    TO_PAY = "to_pay"
    CHECKED = "checked"
    """The outcome is not known."""
    NOT_SENT = "not_sent"
    FAILED = "failed"
    ENDED = "ended"
    """There was a slip, and there is nothing to pay any more."""


@dataclass(frozen=True, slots=True)
class ResultView:
    """Facts of an application that the page shows. None is about the customer.

    `numbers` are the chain's labels with their values; None once there is nothing to pay any more,
    empty if the slip's numbers are not known yet. `message` is the text for the customer.
    """

    state: str
    store_code: str
    money: int
    message: Message
    numbers: Sequence[tuple[str, str]] | None = None
    deadline: date | None = None
    redirect_url: str | None = None
    is_test: bool = False
    support: str | None = None

    @property
    def phase(self) -> Phase:
        """Return what the application means to the customer now."""
        if self.state == "accepted" and self.numbers is None:
            return Phase.ENDED
        if self.state == "accepted" and (self.numbers or self.redirect_url):
            return Phase.TO_PAY
        phases = {"failed": Phase.FAILED, "rejected": Phase.FAILED, "not_sent": Phase.NOT_SENT}
        return phases.get(self.state, Phase.CHECKED)


_WORDS: Final[Mapping[str, Message]] = {
    "title": Message("コンビニ払いのご案内", "Payment at a convenience store"),
    "test": Message(
        "これはテストです。お支払いにならないでください。", "This is a test. Do not pay it."
    ),
    "store": Message("お支払い先", "Store"),
    "amount": Message("金額", "Amount"),
    "deadline": Message("支払期限", "Pay by"),
    "numbers": Message("お支払いに必要な番号", "Numbers for the payment"),
    "link": Message("払込票を表示する", "Show the payment slip"),
    "steps": Message("お支払いの手順", "How to pay"),
    "support": Message("お問い合わせ先", "Contact"),
}
_HEADINGS: Final[Mapping[Phase, Message]] = {
    Phase.TO_PAY: Message("お申し込みを受け付けました", "Your payment slip is ready"),
    Phase.CHECKED: Message("確認しています", "We are checking your application"),
    Phase.NOT_SENT: Message("お申し込みは行われていません", "Nothing was applied for"),
    Phase.FAILED: Message(
        "お申し込みを受け付けられませんでした", "The payment slip could not be issued"
    ),
    Phase.ENDED: Message("お支払いの必要はありません", "There is nothing to pay"),
}
_TONES: Final[Mapping[Phase, str]] = {
    Phase.TO_PAY: "good",
    Phase.CHECKED: "wait",
    Phase.NOT_SENT: "bad",
    Phase.FAILED: "bad",
    Phase.ENDED: "good",
}


def result_page(view: ResultView, language: PageLanguage) -> str:
    """Return the page for the customer, complete and printable."""
    phase = view.phase
    return (
        _environment()
        .get_template("result.html")
        .render(
            view=view,
            language=language.value,
            phase=phase.value,
            tone=_TONES[phase],
            words={name: _in(language, words) for name, words in _WORDS.items()},
            heading=_in(language, _HEADINGS[phase]),
            lines=_lines(view, phase, language),
            style=Markup(_style()),  # noqa: S704 - our own file
            **(_payment(view, language) if phase is Phase.TO_PAY else {}),
        )
    )


@cache
def content_policy() -> str:
    """Return the page's Content-Security-Policy: its own style, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


def _payment(view: ResultView, language: PageLanguage) -> dict[str, object]:
    """Return what the template needs to show a slip that can be paid."""
    steps, store = steps_of(view.store_code), store_of(view.store_code)
    in_japanese = language is PageLanguage.JAPANESE
    japanese_name = store.name if store else "コンビニ"
    name = f"{steps.english_name} ({japanese_name})"
    url = view.redirect_url
    return {
        "store": japanese_name if in_japanese else name,
        "amount": f"{view.money:,}円" if in_japanese else f"¥{view.money:,}",
        "deadline": view.deadline and _in(language, messages.deadline_words(view.deadline)),
        "numbers": [
            (label if in_japanese else english_label(view.store_code, label, place), value)
            for place, (label, value) in enumerate(view.numbers or ())
        ],
        "link": url if url is not None and messages.is_safe_link(url) else None,
        "steps": steps.ja if in_japanese else steps.en,
    }


def _lines(view: ResultView, phase: Phase, language: PageLanguage) -> list[str]:
    """Return the lines below the heading; none for a slip to pay, which is shown in full."""
    if phase is Phase.TO_PAY:
        return []
    numbers_missing = phase is Phase.CHECKED and view.state == "accepted"
    message = messages.waiting_message(view.support) if numbers_missing else view.message
    return _in(language, message).splitlines()


def _in(language: PageLanguage, message: Message) -> str:
    return message.ja if language is PageLanguage.JAPANESE else message.en


@cache
def _style() -> str:
    return (_FILES / "result.css").read_text()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FILES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["marked"] = _marked
    return environment


def _marked(text: str, language: str) -> Markup | str:
    """Return a text as HTML, with the Japanese in an English page marked for screen readers."""
    if language == PageLanguage.JAPANESE:
        return text
    return Markup(  # noqa: S704 - escaped just before
        _JAPANESE.sub(r'<span lang="ja">\g<0></span>', str(escape(text)))
    )
