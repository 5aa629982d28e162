"""Header fields of a message: split with limits, found by name, decoded."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from app.mailbox.parsing.charsets import text_of

HEADER_LIMIT: Final = 256 * 1024
"""Bytes of a header that are read. A field that they cut is left out."""
VALUE_LIMIT: Final = 8 * 1024
"""Bytes of a field that are decoded into text."""
_FIELD = re.compile(rb"([\x21-\x39\x3b-\x7e]+)[ \t]*:")
_WORD = re.compile(rb"=\?([^?\s]{1,64})\?([bBqQ])\?([^?]*)\?=")
_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+")


@dataclass(frozen=True, slots=True)
class HeaderField:
    """One field: its name as written, and its value with its folds, without the last line end."""

    name: bytes
    value: bytes

    @property
    def key(self) -> bytes:
        """Return the name in small letters."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Header:
    """Fields of a message or part, from the top, and the offset of the body.

    `is_whole` is False if it has lines that are no fields or exceeds HEADER_LIMIT.
    """

    fields: tuple[HeaderField, ...]
    body_at: int
    is_whole: bool

    def all(self, name: bytes) -> list[HeaderField]:
        """Return the fields of this name, from the top."""
        return [field for field in self.fields if field.key == name]

    def value(self, name: bytes) -> bytes:
        """Return the value of the first field of this name, or nothing."""
        return next((field.value for field in self.fields if field.key == name), b"")


def read_header(raw: bytes, start: int = 0, end: int | None = None) -> Header:
    """Return the header of the message in `raw[start:end]`. Lines end in CRLF or LF.

    A line `From …` of an mbox or `>From …` before it is left out.
    """
    end = len(raw) if end is None else end
    stop = min(end, start + HEADER_LIMIT)
    fields: list[tuple[bytes, list[bytes]]] = []
    at, is_whole = start, True
    while at < stop:
        after = raw.find(b"\n", at, stop)
        line = raw[at : stop if after < 0 else after].removesuffix(b"\r")
        at = stop if after < 0 else after + 1
        if not line:
            return _header(fields, at, is_whole)
        if line[:1] in b" \t" and fields:
            fields[-1][1].append(line)
        elif found := _FIELD.match(line):
            fields.append((found[1], [line[found.end() :]]))
        elif fields or not re.match(rb">?From ", line):
            is_whole = False
    if stop < end:
        fields, is_whole = fields[:-1], False
    return _header(fields, end if stop == end else stop, is_whole)


def _header(fields: list[tuple[bytes, list[bytes]]], body_at: int, is_whole: bool) -> Header:
    made = tuple(HeaderField(name, b"\r\n".join(lines)) for name, lines in fields)
    return Header(made, body_at, is_whole)


def decoded(value: bytes) -> str:
    """Return a value as text: unfolded, encoded words decoded, raw bytes by the same rules."""
    line = re.sub(rb"\r\n(?=[ \t])", b"", value[:VALUE_LIMIT]).strip()
    return "".join(text_of(data, charset) for charset, data in _runs(line)).strip()


def _runs(line: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield (charset, bytes). Neighbours of one charset are one run: words may cut a character."""
    charset, run, at = "", b"", 0
    for found in _WORD.finditer(line):
        between = line[at : found.start()]
        at = found.end()
        name = found[1].partition(b"*")[0].decode("ascii", "replace").lower()
        if between.strip() or name != charset or not run:
            yield charset, run
            if between.strip() or not run:
                yield "", between
            charset, run = name, b""
        run += _word(found[2].lower(), found[3])
    yield charset, run
    yield "", line[at:]


def _word(encoding: bytes, text: bytes) -> bytes:
    if encoding == b"q":
        return binascii.a2b_qp(text, header=True)
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", text)
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return base64.b64decode(letters + b"=" * (-len(letters) % 4))


def domain_of(value: bytes) -> str | None:
    """Return the domain of the only address in a From field, or None if it is not beyond doubt."""
    text = _without_comments(value[:VALUE_LIMIT].decode("latin-1"))
    if text is None or "," in text or ";" in text:
        return None
    if "<" in text or ">" in text:
        if not (found := re.fullmatch(r"[^<>@]*<([^<>]*)>\s*", text)):
            return None
        text = found[1]
    local, sign, domain = text.strip().rpartition("@")
    domain = domain.strip().lower().rstrip(".")
    if not sign or not local or re.search(r"[@\s]", local) or not _DOMAIN.fullmatch(domain):
        return None
    return domain


def _without_comments(text: str) -> str | None:
    """Return `text` with each quoted string as `q` and without comments; None if one is open."""
    kept: list[str] = []
    depth, quoted, escaped = 0, False, False
    for sign in re.sub(r"\r\n(?=[ \t])", "", text):
        if escaped:
            escaped = False
        elif sign == "\\" and (depth or quoted):
            escaped = True
        elif quoted:
            quoted = sign != '"'
        elif sign == '"' and not depth:
            quoted = True
            kept.append("q")
        elif sign in "()":
            depth += 1 if sign == "(" else -1
            if depth < 0:
                return None
        elif not depth:
            kept.append(sign)
    return None if depth or quoted else "".join(kept)
