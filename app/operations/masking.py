"""Masking of confidential values: personal data, and addresses and agent name of Zeus's calls."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from app.zeus.parameters import BY_NAME, PERSONAL

MASK = "***"
_OPEN_PARAMETERS = frozenset(name.encode() for name in BY_NAME if name not in PERSONAL)
# Other headers may hold a source address (X-Forwarded-For), an agent name, or a cookie.
_OPEN_HEADERS = frozenset({b"content-type", b"content-length", b"connection", b"accept"})


def mask_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same keys with every value masked. Empty values stay, as they reveal nothing."""
    return {key: MASK if value else value for key, value in values.items()}


def mask_parameters(values: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of a call with the personal values masked."""
    return {name: MASK if value and name in PERSONAL else value for name, value in values.items()}


def mask_target(target: bytes) -> bytes:
    """Return a request target with its path and all personal and unknown values masked.

    The path is masked because its end may be the secret token.
    """
    _, mark, query = target.partition(b"?")
    return MASK.encode() + mark + mask_form(query)


def mask_form(form: bytes) -> bytes:
    """Return a query or form body, spelled as before, with all but known harmless values masked."""
    return b"&".join(_mask_pair(pair) for pair in form.split(b"&"))


def mask_headers(lines: bytes) -> bytes:
    """Return header lines with all but a few harmless values masked."""
    return b"".join(_mask_header(line) for line in lines.splitlines(keepends=True))


def escaped(raw: bytes) -> str:
    r"""Return raw bytes as text that shows each byte.

    Printable ASCII stays, a backslash is doubled, a line end is \r or \n, any other byte is \xNN.
    """
    return raw.decode("latin-1").encode("unicode_escape").decode("ascii")


def _mask_pair(pair: bytes) -> bytes:
    key, equals, value = pair.partition(b"=")
    if not equals:
        # Without `=` this may be a key or the rest of a value.
        return pair if unquote_to_bytes(key) in _OPEN_PARAMETERS or not key else MASK.encode()
    return (
        pair
        if unquote_to_bytes(key) in _OPEN_PARAMETERS or not value
        else key + b"=" + MASK.encode()
    )


def _mask_header(line: bytes) -> bytes:
    name, colon, _value = line.partition(b":")
    end = line[len(line.rstrip(b"\r\n")) :]
    # A line without a colon, or with a leading blank, may continue the value of the line above.
    if not colon or line[:1] in (b" ", b"\t"):
        return MASK.encode() + end if line.strip() else line
    return line if name.lower() in _OPEN_HEADERS else name + b": " + MASK.encode() + end
