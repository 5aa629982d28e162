"""Parser of a request's head: accepts whatever bytes a sender writes, and changes none that is
stored.
"""

import re
from enum import Enum, auto
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

Headers = list[tuple[bytes, bytes]]

_METHOD = re.compile(rb"[A-Za-z]{1,20}")
_VERSION = re.compile(rb"HTTP/([0-9]\.[0-9])")
_ORIGIN = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/?]*")
_LENGTH = re.compile(rb"[0-9]{1,15}")


class BadHead(Exception):
    """The bytes are no request, or the end of its body is ambiguous."""


class Framing(Enum):
    """Framing of a body: the sign of its end."""

    LENGTH = auto()
    CHUNKED = auto()


class Head(NamedTuple):
    """Head of one request.

    `target` and `lines` are verbatim; `headers` has the lines by lower-case name.
    """

    method: str
    target: bytes
    version: str
    """`1.1` and so on; empty for a bare `GET target` line, which has no header lines."""
    lines: bytes
    headers: Headers
    framing: Framing
    length: int
    """Bytes of the body, if the framing is LENGTH."""
    keeps_alive: bool
    """True if another request may follow on the connection.

    False after anything odd: another reader might see its end elsewhere.
    """

    @property
    def path(self) -> bytes:
        """Return the target's path, still escaped, of the forms `/path`, `http://host/path` and
        `path`.
        """
        path = self.target.partition(b"?")[0]
        if not path.startswith(b"/"):
            path = _ORIGIN.sub(b"", path, count=1)
        path = path.lstrip(b" ")
        return path if path.startswith(b"/") else b"/" + path

    @property
    def query(self) -> bytes:
        """Return everything after the first question mark, `#` and spaces included."""
        return self.target.partition(b"?")[2]

    @property
    def expects_continue(self) -> bool:
        """Return True if the sender waits for `100 Continue`."""
        return any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in self.headers
        )


class RequestLine(NamedTuple):
    """Request line. Everything between its first and its last space is the target."""

    method: str
    target: bytes
    version: str


def read_request_line(line: bytes) -> RequestLine:
    """Split the line, without its end.

    Raises Unreadable unless it begins with a method and a space.
    """
    method, space, rest = line.partition(b" ")
    if not space or not _METHOD.fullmatch(method) or not rest.strip():
        raise BadHead("no request line")
    target, _, last = rest.rstrip(b" \t").rpartition(b" ")
    version = _VERSION.fullmatch(last)
    if version is None or not target:
        return RequestLine(method.decode().upper(), rest, "")
    return RequestLine(method.decode().upper(), target, version[1].decode())


def read_head(request_line: RequestLine, lines: bytes) -> Head:
    """Return the head of a request line and its header lines.

    Raises Unreadable if the body's end is ambiguous.
    """
    headers, odd = _headers(lines)
    framing, length, sure = _framing(headers)
    closes = request_line.version != "1.1" or any(
        name == b"connection" and b"close" in value.lower() for name, value in headers
    )
    return Head(*request_line, lines, headers, framing, length, sure and not odd and not closes)


def decoded_path(path: bytes) -> str:
    """Return an escaped path as text."""
    if b"%" in path:
        path = unquote_to_bytes(path)
    return path.decode("utf-8", "replace")


def _headers(lines: bytes) -> tuple[Headers, bool]:
    """Return the header lines by name, and True if one of them is malformed.

    Skips lines without a name.
    """
    headers: Headers = []
    odd = False
    for line in lines.split(b"\n"):
        line = line.removesuffix(b"\r")  # noqa: PLW2901 - a line with or without its carriage return is the same line
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t") or not colon:
            odd = odd or bool(line)
            continue
        odd = odd or name != name.strip() or b"\r" in line
        headers.append((name.strip().lower(), value.strip()))
    return headers, odd


def _framing(headers: Headers) -> tuple[Framing, int, bool]:
    """Return the body's framing, its length, and True if all readers would agree on them."""
    lengths = {
        part.strip()
        for name, value in headers
        if name == b"content-length"
        for part in value.split(b",")
    }
    encodings = [
        value.lower()
        for name, value in headers
        if name == b"transfer-encoding" and value.lower() != b"identity"
    ]
    if encodings:
        if encodings != [b"chunked"]:
            raise BadHead("unknown transfer encoding")
        return Framing.CHUNKED, 0, not lengths
    if not lengths:
        return Framing.LENGTH, 0, True
    if len(lengths) > 1 or not _LENGTH.fullmatch(next(iter(lengths))):
        raise BadHead("unclear content length")
    return Framing.LENGTH, int(next(iter(lengths))), True
