"""Connection options of a subscriber: headers, its own CA, a client certificate. Sealed at rest."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

MOST_HEADERS = 20
LONGEST_VALUE = 4_096

_NAME = re.compile(r"[0-9A-Za-z!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
# Headers that the sender or the HTTP client writes, that frame the request, or that belong to the
# connection.
_RESERVED = frozenset(
    {
        "host",
        "content-type",
        "content-length",
        "content-encoding",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "upgrade",
        "te",
    }
    | {"trailer", "expect", "accept-encoding", "user-agent", "date", "via", "forwarded"}
)
_RESERVED_BEGINNINGS = ("webhook-", "proxy-", "x-forwarded-", "sec-")


class HeaderRefused(Exception):
    """A header cannot be sent with webhooks. The text is the reason, without the value."""


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """Headers as pairs of name and value, certificates as PEM text.

    `client_certificate` holds the chain and its private key.
    """

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    ca: str | None = field(default=None, repr=False)
    client_certificate: str | None = field(default=None, repr=False)

    def to_text(self) -> str:
        """Return the text to seal."""
        return json.dumps(asdict(self))


PLAIN = ConnectionOptions()
"""No options."""


def connection_options_of(text: str) -> ConnectionOptions:
    """Return the options that `to_text` wrote."""
    written = json.loads(text)
    return ConnectionOptions(
        tuple((name, value) for name, value in written["headers"]),
        written["ca"],
        written["client_certificate"],
    )


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise HeaderRefused unless webhooks can carry these headers beside their own."""
    if len(headers) > MOST_HEADERS:
        raise HeaderRefused(f"there can be {MOST_HEADERS} headers at most")
    lowered = [name.lower() for name in headers]
    if len(set(lowered)) != len(lowered):
        raise HeaderRefused("a header is given twice")
    for name, value in headers.items():
        _check_header(name, value)


def _check_header(name: str, value: str) -> None:
    if not _NAME.fullmatch(name):
        raise HeaderRefused(
            "a header's name is 1 to 100 letters, digits and a few signs such as `-`"
        )
    if name.lower() in _RESERVED or name.lower().startswith(_RESERVED_BEGINNINGS):
        raise HeaderRefused(f"{name.lower()} is reserved")
    if len(value) > LONGEST_VALUE or not _VALUE.fullmatch(value):
        raise HeaderRefused(
            f"the value of {name.lower()} must be 1 to {LONGEST_VALUE} characters of ASCII "
            "without spaces around it"
        )
