"""The form for a new subscriber: what was filled in, and what is said at a field that cannot be used."""

import unicodedata

from pydantic import ValidationError

from app.console.http.forms import Form
from app.console.texts.error_texts import words_at, words_of
from app.operations.errors import NameTaken, NotAcceptable
from app.operations.subscribers.models import NewSubscriber

FEED, KEY_PAIR = "feed", "key_pair"
SHOWN_AT = ("name", "url", "rate_limit", "max_in_flight", "timeout_ms")
"""The fields that have a place in the form where something can be said."""


def new_subscriber(form: Form) -> NewSubscriber:
    """What was filled in; raises ValidationError."""
    way = form.text("way")
    return NewSubscriber.model_validate(
        {
            "name": form.text("name"),
            "url": None if way == FEED else form.text("url") or None,
            "feed": way == FEED,
            "asymmetric": way == KEY_PAIR,
            "event_types": form.texts("event_types") or None,
            "customer": form.ticked("customer"),
            "ordered": not form.ticked("unordered"),
            **_pace(form),
        }
    )


def problems_of(error: ValidationError | NotAcceptable | NameTaken) -> dict[str, str]:
    """What to say at each field, in words for the catalogue."""
    if isinstance(error, ValidationError):
        return {field: words_at(field) for field in (str(one["loc"][0]) for one in error.errors())}
    return (
        {error.field: words_at(error.field)}
        if isinstance(error, NotAcceptable)
        else {"name": words_of(error)}
    )


def _pace(form: Form) -> dict[str, object]:
    """The limits that were given; one that is left empty is left as it is usual."""
    values: dict[str, object] = {
        name: text for name in ("rate_limit", "max_in_flight") if (text := _plain(form.text(name)))
    }
    if seconds := _plain(form.text("timeout")):
        values["timeout_ms"] = _milliseconds(seconds)
    return values


def _plain(text: str) -> str:
    """Digits as a Japanese keyboard may write them, in their narrow form and without marks between thousands."""
    return unicodedata.normalize("NFKC", text).replace(",", "")


def _milliseconds(seconds: str) -> int | str:
    """Seconds in milliseconds; what is no number is left for the validation to refuse."""
    try:
        return round(float(seconds) * 1000)
    except (ValueError, OverflowError):
        return seconds
