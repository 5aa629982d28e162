"""Reading the fields of a form that a browser sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.requests import Request

LARGEST = 64 * 1024
_MOST_FIELDS = 200


class FormTooLarge(Exception):
    """More than any of our forms can hold."""


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, each with all its values."""

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """The field's first value without the blanks around it; empty if it was not sent."""
        return next(iter(self.fields.get(name, ())), "").strip()

    def texts(self, name: str) -> list[str]:
        """All values of a field, as of several boxes ticked."""
        return list(self.fields.get(name, ()))

    def ticked(self, name: str) -> bool:
        """Whether a box was ticked."""
        return name in self.fields


async def read_form(request: Request) -> Form:
    """The form in a request's body; raises FormTooLarge."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise FormTooLarge
    return parse_form(body)


def parse_form(body: bytes) -> Form:
    """The fields of a form-encoded body; raises FormTooLarge. NUL, which no database takes, becomes the sign for what cannot be read."""
    try:
        fields = parse_qs(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise FormTooLarge from None
    return Form(
        {
            name: [value.replace("\0", "\ufffd") for value in values]
            for name, values in fields.items()
        }
    )
