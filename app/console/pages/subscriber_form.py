"""Form for a new subscriber: its values, and the messages at invalid fields."""

import unicodedata

from pydantic import ValidationError

from app.console.http.forms import Form
from app.console.texts.error_texts import words_at, words_of
from app.operations.errors import NameTaken, NotAcceptable
from app.operations.subscribers.models import NewSubscriber, OfTests

FEED, KEY_PAIR = "feed", "key_pair"
SHOWN_AT = ("name", "url", "rate_limit", "max_in_flight", "timeout_ms")
"""Fields with a place for a message in the form."""


def new_subscriber(form: Form) -> NewSubscriber:
    """Return the subscriber of a filled-in form. Raises ValidationError."""
    delivery_method = form.text("delivery_method")
    return NewSubscriber.model_validate(
        {
            "name": form.text("name"),
            "url": None if delivery_method == FEED else form.text("url") or None,
            "feed": delivery_method == FEED,
            "asymmetric": delivery_method == KEY_PAIR,
            "event_types": form.texts("event_types") or None,
            "customer": form.ticked("customer"),
            "test": form.text("test") or OfTests.EXCLUDE,
            "ordered": not form.ticked("unordered"),
            **_pace(form),
        }
    )


def problems_of(error: ValidationError | NotAcceptable | NameTaken) -> dict[str, str]:
    """Return the message for each invalid field, as a catalogue key."""
    if isinstance(error, ValidationError):
        return {field: words_at(field) for field in (str(one["loc"][0]) for one in error.errors())}
    return (
        {error.field: words_at(error.field)}
        if isinstance(error, NotAcceptable)
        else {"name": words_of(error)}
    )


def _pace(form: Form) -> dict[str, object]:
    """Return the limits that were entered; an empty field keeps its default."""
    values: dict[str, object] = {
        name: text for name in ("rate_limit", "max_in_flight") if (text := _plain(form.text(name)))
    }
    if seconds := _plain(form.text("timeout")):
        values["timeout_ms"] = _milliseconds(seconds)
    return values


def _plain(text: str) -> str:
    """Return the text in ASCII form without thousands separators.

    Japanese keyboards may enter full-width digits.
    """
    return unicodedata.normalize("NFKC", text).replace(",", "")


def _milliseconds(seconds: str) -> int | str:
    """Return seconds in milliseconds; leave an invalid number for the validation to reject."""
    try:
        return round(float(seconds) * 1000)
    except (ValueError, OverflowError):
        return seconds
