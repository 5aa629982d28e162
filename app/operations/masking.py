"""Keeping back what is confidential until it is asked for: personal values, and where and as whom Zeus calls."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from app.zeus.parameters import BY_NAME, PERSONAL

MASK = "***"
_OPEN_PARAMETERS = frozenset(name.encode() for name in BY_NAME if name not in PERSONAL)
# The others may hold a source address (X-Forwarded-For), an agent name, or a cookie.
_OPEN_HEADERS = frozenset({b"content-type", b"content-length", b"connection", b"accept"})


def mask_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same keys with every value hidden that says something; an empty one stays empty, because that it is empty tells nothing."""
    return {key: MASK if value else value for key, value in values.items()}


def mask_parameters(values: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a call with the personal ones hidden."""
    return {name: MASK if value and name in PERSONAL else value for name, value in values.items()}


def mask_target(target: bytes) -> bytes:
    """A request target without its path (its end may be the secret token) and without personal or unknown values."""
    _, mark, query = target.partition(b"?")
    return MASK.encode() + mark + mask_form(query)


def mask_form(form: bytes) -> bytes:
    """A query or form body, as it was spelled, with the values hidden of all keys but those known to be harmless."""
    return b"&".join(_mask_pair(pair) for pair in form.split(b"&"))


def mask_headers(lines: bytes) -> bytes:
    """Header lines with the values hidden of all but a few harmless ones."""
    return b"".join(_mask_header(line) for line in lines.splitlines(keepends=True))


def escaped(raw: bytes) -> str:
    r"""Raw bytes as text that shows each: printable ASCII as it is, a backslash doubled, all else as \xNN (\r and \n for line ends)."""
    return raw.decode("latin-1").encode("unicode_escape").decode("ascii")


def _mask_pair(pair: bytes) -> bytes:
    key, equals, value = pair.partition(b"=")
    if not equals:
        # Without = it is unclear whether this is a key or the rest of a value.
        return pair if unquote_to_bytes(key) in _OPEN_PARAMETERS or not key else MASK.encode()
    return (
        pair
        if unquote_to_bytes(key) in _OPEN_PARAMETERS or not value
        else key + b"=" + MASK.encode()
    )


def _mask_header(line: bytes) -> bytes:
    name, colon, _value = line.partition(b":")
    end = line[len(line.rstrip(b"\r\n")) :]
    if not colon or line[:1] in (
        b" ",
        b"\t",
    ):  # no header of its own: it may go on with the value of the one above
        return MASK.encode() + end if line.strip() else line
    return line if name.lower() in _OPEN_HEADERS else name + b": " + MASK.encode() + end
