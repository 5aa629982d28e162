"""Base types of all values that operators read or give: frozen, and equal JSON in API and CLI."""

import re
from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from app.events.payload import timestamp
from app.operations.errors import NotAcceptable

_NAME = re.compile(r"\w[\w.-]{0,99}")


class Value(BaseModel):
    """Value that operators read. The text below a field describes it in the OpenAPI document."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


Moment = Annotated[
    datetime,
    PlainSerializer(timestamp, return_type=str, when_used="json"),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "examples": ["2026-11-23T03:51:00.123456Z"]}
    ),
]
"""Point in time. Its JSON is that of events: UTC, with microseconds and `Z`."""


def _storable(value: object) -> object:
    if isinstance(value, str) and (
        "\0" in value or any("\ud800" <= character <= "\udfff" for character in value)
    ):
        raise ValueError("contains a character that is not text: NUL or half of a surrogate pair")
    return value


Line = Annotated[str, BeforeValidator(_storable)]
"""Text from outside that Postgres can store and look up."""


def check_name(name: str) -> None:
    """Raise NotAcceptable unless `name` can stand in a path of the API and on a command line."""
    if not _NAME.fullmatch(name):
        raise NotAcceptable(
            "name",
            "A name has 1 to 100 letters, digits, `.`, `_` and `-`. "
            "The first is a letter, a digit or `_`.",
        )


Item = TypeVar("Item")


class Page(Value, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    """Items of this page, at most `limit`."""
    next_cursor: str | None
    """Position behind the last item. Pass it as `cursor` to read on, now or later."""
    has_more: bool
    """True if there are more items behind `next_cursor` now."""
