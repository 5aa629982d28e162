"""Parser for form-encoded request bodies, with size limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import parse_qs

from starlette.requests import Request

MAX_BYTES = 64 * 1024
_MAX_FIELDS = 200


class FormTooLarge(Exception):
    """The form exceeds the limit of bytes or fields."""


@dataclass(frozen=True, slots=True)
class Form:
    """Fields of a form, each with all its values, and its file if it has one."""

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    file: BinaryIO | None = None

    def text(self, name: str) -> str:
        """Return the field's first value, stripped; empty if it was not sent."""
        return next(iter(self.fields.get(name, ())), "").strip()

    def texts(self, name: str) -> list[str]:
        """Return all values of a field, such as several ticked boxes."""
        return list(self.fields.get(name, ()))

    def ticked(self, name: str) -> bool:
        """Return True if a box was ticked."""
        return name in self.fields


async def read_form(request: Request) -> Form:
    """Return the form in a request's body. Raises FormTooLarge."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise FormTooLarge
    return parse_form(body)


def parse_form(body: bytes) -> Form:
    """Return the form in a form-encoded body. Raises FormTooLarge.

    NUL becomes U+FFFD, since Postgres rejects it in text.
    """
    try:
        fields = parse_qs(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_FIELDS
        )
    except ValueError:
        raise FormTooLarge from None
    return Form(
        {
            name: [value.replace("\0", "\ufffd") for value in values]
            for name, values in fields.items()
        }
    )
