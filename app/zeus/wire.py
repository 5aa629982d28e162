"""Wire format of a CGI call: its raw bytes to values and back, for every spelling."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from app.zeus.canonical import (
    canonical,
    canonical_amount,
    has_invisible,
    spelling_flags,
    visible_part,
)
from app.zeus.parameters import PARAMETERS, oversize


@dataclass(frozen=True, slots=True)
class Call:
    """A decoded call.

    `values` holds the known parameters in order of arrival, `unknown` every other key. Every text
    can be stored: it is valid Unicode without NUL. `meant` holds the canonical values (see
    app.zeus.canonical).

    `flags` (sorted, unique) name oddities that could be read; NAME is a known parameter:
      unknown_key           a key that is no parameter was sent
      repeated_key:NAME     sent more than once with the same value
      oversize:NAME         longer than the manual allows
      truncated:NAME        the last character was cut in half and is left out
      undecodable:NAME      bytes in no known encoding: the text before them was kept
      nul:NAME              NUL was replaced by U+FFFD
      double_escaped:NAME   a hyphen was escaped twice
      trimmed:NAME          blanks or other invisible characters around the value mean nothing
      full_width:NAME       full-width digits or letters mean ASCII
      unusual:order_no      characters that the manual does not allow there

    `problems` (sorted, unique) make the call impossible to judge:
      repeated_key:NAME     sent more than once with different meanings; `values` has the first
      invisible:order_no    an invisible character inside: the order is ambiguous
      truncated:NAME        the end of order_no or status cannot be read: it may be another
      undecodable:NAME      the same
    """

    values: Mapping[str, str]
    unknown: Mapping[str, str]
    flags: tuple[str, ...]
    problems: tuple[str, ...]
    meant: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def order_no(self) -> str:
        """Return the order's canonical number, empty without one: two spellings of one number are
        one order.
        """
        return self.meant.get("order_no", "")


class _Text(NamedTuple):
    """A decoded value: its text, the undecodable bytes after the text, and its flaws."""

    text: str
    rest: bytes
    flaws: tuple[str, ...]


_NAMES: Final = {parameter.name.encode(): parameter.name for parameter in PARAMETERS}

# These values may contain a plus sign and no space. Everywhere else + is a space.
_PLUS_IS_PLUS: Final = frozenset({"sendid", "sendpoint", "order_no", "email"})

# Bytes that can be Shift_JIS. Python's cp932 also reads the lone bytes 80, A0, FD, FE and FF, which
# are no characters.
_SHIFT_JIS = re.compile(rb"(?:[\x00-\x7F\xA1-\xDF]|[\x81-\x9F\xE0-\xFC][\x40-\x7E\x80-\xFC])*+")
_LEAD_BYTE = re.compile(rb"[\x81-\x9F\xE0-\xFC]")
_PLAIN = re.compile(rb"[0-9A-Za-z.-]*")
"""Raw values that every style of escaping writes as they are."""
_BLANKS_OF_LATIN_1 = b" \t\r\n\x85\xa0"
"""A no-break space is A0 there, which is no character of Shift_JIS."""
_LAST_OF_TWO_BYTES = "\u07ff"
"""Last character that UTF-8 writes with two bytes."""
_LATIN_BESIDE_KANA = re.compile(r"[A-Za-z][^\x00-\x7F\u3000]|[^\x00-\x7F\u3000][A-Za-z]")
_TWICE_ESCAPED_HYPHEN = re.compile(r"%2[Dd]")


def decode(query: bytes, body: bytes = b"") -> Call:
    """Return the call in a URL's query and in a body. Never raises.

    A POST has both; the query is read first.
    """
    first: dict[str, _Text] = {}
    meant: dict[str, str] = {}
    unknown: dict[str, str] = {}
    flags: set[str] = set()
    problems: set[str] = set()
    for key, raw in _pairs(query, body):
        name = _NAMES.get(key)
        if name is None:
            unknown.setdefault(_key_text(key), _text_of(raw, plus_is_space=True).text)
            flags.add("unknown_key")
            continue
        if _PLAIN.fullmatch(raw):  # most values: nothing below would change them
            value = _Text(raw.decode("ascii"), b"", ())
            meaning = canonical_amount(value.text) if name == "money" else value.text
        else:
            value = _text_of(
                raw, plus_is_space=name not in _PLUS_IS_PLUS, kana_first=name == "username"
            )
            flags.update(f"{flaw}:{name}" for flaw in value.flaws)
            meaning = _order_no(raw) if name == "order_no" else canonical(name, value.text)
        if name not in first:
            first[name] = value
            meant[name] = meaning
        else:
            # The undecodable rest counts too: two values are equal only if all their bytes mean the
            # same.
            same = (meant[name], first[name].rest) == (meaning, value.rest)
            (flags if same else problems).add(f"repeated_key:{name}")
    values = {name: value.text for name, value in first.items()}
    flags.update(f"oversize:{name}" for name in oversize(values))
    flags.update(spelling_flags(values, meant))
    problems.update(_unclear(first, meant))
    return Call(values, unknown, tuple(sorted(flags)), tuple(sorted(problems)), meant)


def order_no_of(query: bytes, body: bytes = b"") -> str:
    """Return the canonical order_no that `decode` would find, or "".

    Many times faster, for the receiver's hot path.
    """
    found = _ORDER_NO.search(query) or _ORDER_NO.search(_without_line_end(body))
    return _order_no(found[1] or b"") if found else ""


def _order_no(raw: bytes) -> str:
    """Return the canonical form of an order_no.

    A bare + at an end is a blank as forms write it; inside it may be a plus.
    """
    if _PLAIN.fullmatch(raw):
        return raw.decode("ascii")
    text, _, flaws = _text_of(raw, plus_is_space=False)
    seen = _text_of(raw, plus_is_space=True).text  # as long as the other
    begin, end = visible_part(seen.replace("\ufffd", "\0") if "nul" in flaws else seen)
    return text[begin:end]


def _unclear(first: Mapping[str, _Text], meant: Mapping[str, str]) -> Iterator[str]:
    """Return the problems that leave the call's order or status open."""
    number = meant.get("order_no", "")
    if has_invisible(number) or ("\ufffd" in number and "nul" in first["order_no"].flaws):
        yield "invisible:order_no"
    for name in ("order_no", "status"):
        if name in first and first[name].rest.strip(_BLANKS_OF_LATIN_1):
            yield f"{first[name].flaws[0]}:{name}"  # the name of its rest


def _pairs(query: bytes, body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the unquoted key and the still quoted value of every pair.

    No trail byte of Shift_JIS is & or =, so bytes can be split.
    """
    for part in (query, _without_line_end(body)):
        for pair in part.split(b"&"):
            if pair:
                key, _, raw = pair.partition(b"=")
                yield key if key in _NAMES else unquote_to_bytes(key), raw


def _without_line_end(body: bytes) -> bytes:
    """Return a body without the line break that some clients append and count in Content-Length."""
    return body.rstrip(b"\r\n")


def _text_of(raw: bytes, *, plus_is_space: bool, kana_first: bool = False) -> _Text:
    if plus_is_space:
        raw = raw.replace(b"+", b" ")
    raw = unquote_to_bytes(raw)
    text, rest = _characters(raw)
    if kana_first and not rest:
        text = _as_kana(raw, text) or text
    flaws: tuple[str, ...] = ()
    if rest:
        flaws += ("truncated" if _LEAD_BYTE.fullmatch(rest) else "undecodable",)
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
        flaws += ("nul",)
    if "%" in text and _TWICE_ESCAPED_HYPHEN.search(text):
        text = _TWICE_ESCAPED_HYPHEN.sub("-", text)
        flaws += ("double_escaped",)
    return _Text(text, rest, flaws)


def _characters(raw: bytes) -> tuple[str, bytes]:
    """Return the longest readable beginning of `raw`, and the rest.

    UTF-8 goes first: full-width kana in cp932 are never valid UTF-8.
    """
    try:
        return raw.decode("utf-8"), b""
    except UnicodeDecodeError:
        pass
    shape = _SHIFT_JIS.match(raw)
    end = shape.end() if shape else 0
    try:
        return raw[:end].decode("cp932"), raw[end:]
    except UnicodeDecodeError as unassigned:
        return raw[: unassigned.start].decode("cp932"), raw[unassigned.start :]


def _as_kana(raw: bytes, in_utf8: str) -> str | None:
    """Return a name read as Shift_JIS if that is likelier than UTF-8, else None.

    Two half-width kana are often one letter of Latin, Greek or Cyrillic in UTF-8. Zeus writes
    Shift_JIS, and a name is kana (manual, CGI call table). A Latin letter beside a kana speaks for
    UTF-8: é in José.
    """
    if in_utf8.isascii() or max(in_utf8) > _LAST_OF_TWO_BYTES or not _SHIFT_JIS.fullmatch(raw):
        return None
    try:
        in_shift_jis = raw.decode("cp932")
    except UnicodeDecodeError:
        return None
    return None if _LATIN_BESIDE_KANA.search(in_shift_jis) else in_shift_jis


def _key_text(key: bytes) -> str:
    """Return an unknown key in full: without some bytes it could look like another key."""
    text, rest = _characters(key)
    return (text + rest.decode("ascii", "backslashreplace")).replace("\0", "\ufffd")


def _spelled(name: bytes) -> bytes:
    """Return a pattern for `name` with any of its bytes percent-escaped."""
    return b"".join(b"(?:%c|%%(?i:%02x))" % (byte, byte) for byte in name)


_ORDER_NO = re.compile(rb"(?:\A|&)" + _spelled(b"order_no") + rb"(?:=([^&]*)|(?=&)|\Z)")


class Style(StrEnum):
    """Escaping style of a sender. Every style writes Shift_JIS (cp932)."""

    FULL = "full"
    """Escapes everything but letters, digits, hyphen and full stop."""
    HALF = "half"
    r"""As FULL, but ASCII trail bytes stay bare: ア is %83A, ソ is %83\, ミ is %83~."""
    LOWER = "lower"
    """Escapes every byte, in lower-case hexadecimal."""
    RAW = "raw"
    """Escapes only what would break the syntax: & = + %, space and control characters. Shift_JIS is
    sent as 8-bit bytes.
    """


_ALPHANUMERIC = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BARE: Final[Mapping[Style, frozenset[int]]] = {
    Style.FULL: frozenset(_ALPHANUMERIC + b"-."),
    Style.HALF: frozenset(_ALPHANUMERIC + b"-.") | frozenset(range(0x40, 0x7F)),
    Style.LOWER: frozenset(),
    Style.RAW: frozenset(range(0x21, 0x100)) - frozenset(b"&=+%\x7f"),
}


def _spellings(style: Style) -> tuple[bytes, ...]:
    escape = b"%%%02x" if style is Style.LOWER else b"%%%02X"
    return tuple(bytes([byte]) if byte in _BARE[style] else escape % byte for byte in range(0x100))


_SPELLINGS: Final = {style: _spellings(style) for style in Style}


def encode(values: Mapping[str, str | bytes], *, style: Style = Style.FULL) -> bytes:
    """Return the query with which Zeus would send `values`, in their order.

    Bytes are escaped as they are; text is written in cp932. Raises UnicodeEncodeError for text
    without a code in cp932.
    """
    spelling = _SPELLINGS[style]
    return b"&".join(
        key.encode("ascii") + b"=" + b"".join([spelling[byte] for byte in _bytes_of(value)])
        for key, value in values.items()
    )


def _bytes_of(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("cp932")
