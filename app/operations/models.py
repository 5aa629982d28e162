"""What all values that operators read have in common: frozen, and the same JSON in the API as on the command line."""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from app.events.payload import timestamp


class Value(BaseModel):
    """A value that operators read; the text below a field is its description in the API's reference."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


Moment = Annotated[
    datetime,
    PlainSerializer(timestamp, return_type=str, when_used="json"),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "examples": ["2026-11-23T03:51:00.123456Z"]}
    ),
]
"""A moment, in JSON written as events write it: UTC, microseconds, `Z`."""


def _storable(value: object) -> object:
    if isinstance(value, str) and (
        "\0" in value or any("\ud800" <= character <= "\udfff" for character in value)
    ):
        raise ValueError("holds a character that is no text: NUL or half of a surrogate pair")
    return value


Line = Annotated[str, BeforeValidator(_storable)]
"""Text from outside that Postgres can store and look up."""

Item = TypeVar("Item")


class Page(Value, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    """What was found, at most as many as asked for."""
    next_cursor: str | None
    """The place behind the last item. Hand it back to read on; in a list that grows at its end, also later."""
    has_more: bool
    """Whether there is more behind `next_cursor` now."""
