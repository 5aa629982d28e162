"""Tag lists of DKIM and ARC (RFC 6376, 3.2), and the forms in which text is signed (3.4)."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from app.mailbox.parsing.header_fields import HeaderField

Tags = Mapping[str, bytes]
_PIECE: Final = 64 * 1024


class NotValid(Exception):
    """A signature or its key is not valid. The text says why, in a word or two."""


def read_tags(value: bytes) -> Tags:
    """Return the tags of a list `a=1; b=2`. Raise NotValid for anything else, or a tag twice."""
    tags: dict[str, bytes] = {}
    pieces = value.split(b";")
    if not pieces[-1].strip():
        pieces.pop()
    for piece in pieces:
        name, sign, text = piece.partition(b"=")
        key = name.strip().decode("latin-1")
        if not sign or not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", key) or key in tags:
            raise NotValid("malformed")
        tags[key] = text.strip()
    return tags


def word(tags: Tags, name: str, default: str = "") -> str:
    """Return a tag in small letters, without blanks."""
    text = re.sub(rb"\s+", b"", tags.get(name, default.encode()))
    return text.decode("latin-1").lower()


def names(tags: Tags, name: str = "h") -> list[str]:
    """Return a list with colons, as h=."""
    return word(tags, name).split(":")


def octets(tags: Tags, name: str) -> bytes:
    """Return a tag in base64 as bytes. Raise NotValid if it is absent or no base64."""
    try:
        return base64.b64decode(re.sub(rb"\s+", b"", tags[name]), validate=True)
    except (KeyError, binascii.Error):
        raise NotValid("malformed") from None


def without_signature(value: bytes) -> bytes:
    """Return the value of a signature's field with an empty b=."""
    return re.sub(rb"((?:^|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*", rb"\1", value, count=1)


def crlf(raw: bytes) -> bytes:
    """Return `raw` with CRLF at the end of every line, as it was signed."""
    if raw.count(b"\n") == raw.count(b"\r\n"):
        return raw
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def relaxed_field(field: HeaderField) -> bytes:
    """Return a field in the relaxed form, without a line end."""
    value = re.sub(rb"[ \t]+", b" ", field.value.replace(b"\r\n", b""))
    return field.key + b":" + value.strip(b" ")


def simple_field(field: HeaderField) -> bytes:
    """Return a field as it stands in the message, without the last line end."""
    return field.name + b":" + field.value


def body_pieces(body: bytes, form: str) -> Iterator[bytes]:
    """Yield a body with CRLF lines in the form `simple` or `relaxed`, in pieces.

    Linear in time, also for long runs of blanks. The pieces keep memory small: a substitution of
    the library makes an object for each match.
    """
    is_relaxed, is_empty = form == "relaxed", True
    blanks = b""
    for at in range(0, len(body), _PIECE):
        piece = blanks + body[at : at + _PIECE]
        kept = piece.rstrip(b" \t\r\n")
        blanks = piece[len(kept) :]
        if is_relaxed:
            kept, blanks = _relaxed(kept), re.sub(rb"[ \t]+", b" ", blanks)
        if kept:
            is_empty = False
            yield kept
    if is_relaxed:
        blanks = _relaxed(blanks).removesuffix(b" ")
    end = len(blanks)
    while blanks.endswith(b"\r\n", 0, end):
        end -= 2
    yield blanks[:end]
    if end or not is_empty or not is_relaxed:
        yield b"\r\n"


def _relaxed(text: bytes) -> bytes:
    return re.sub(rb"[ \t]+", b" ", text).replace(b" \r\n", b"\r\n")


def signed_fields(fields: Sequence[HeaderField], signed: Iterable[str]) -> list[HeaderField]:
    """Return the fields that h= names, each from the bottom up (RFC 6376, 5.4.2)."""
    left: dict[bytes, list[HeaderField]] = {}
    for field in fields:
        left.setdefault(field.key, []).append(field)
    named = (left.get(name.encode("latin-1")) for name in signed)
    return [of_name.pop() for of_name in named if of_name]
