"""Target of a simulated Zeus's calls, and the bytes of the request."""

import re
import ssl
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import SplitResult, urlsplit

DEFAULT_TIMEOUT_S: Final = 40.0
"""Seconds that Zeus waits for an answer (manual, CGI call)."""

HTTP_PORT: Final = 80

_VISIBLE_ASCII = re.compile(r"[!-~]+")


class Method(StrEnum):
    """GET, or POST for merchants that asked for it (manual, CGI call)."""

    GET = "GET"
    POST = "POST"


class HttpVersion(StrEnum):
    """The HTTP version. In 1.0 no Host is sent."""

    V1_0 = "1.0"
    V1_1 = "1.1"


class LineEnd(StrEnum):
    """Line end of the request: as HTTP says, or LF alone as some old clients send it."""

    CRLF = "crlf"
    LF = "lf"


_LINE_ENDS: Final = {LineEnd.CRLF: b"\r\n", LineEnd.LF: b"\n"}


@dataclass(frozen=True, slots=True)
class CallTarget:
    """A merchant's registered URL and how Zeus calls it.

    `path` is the path as it goes on the wire; `own_query` is the query that the registered URL
    itself carries. `tls` is None for plain HTTP. `timeout_s` is the time, in seconds, from the
    start of a call to the end of the answer's headers. `user_agent` is sent on port 80 only
    (manual, CGI call). `source` is the address of this machine to call from. The request goes out
    in small pieces over `slow_s` seconds.
    """

    host: str
    port: int
    host_header: bytes
    path: bytes
    own_query: bytes = b""
    tls: ssl.SSLContext | None = None
    method: Method = Method.GET
    http: HttpVersion = HttpVersion.V1_0
    line_end: LineEnd = LineEnd.CRLF
    timeout_s: float = DEFAULT_TIMEOUT_S
    user_agent: str | None = None
    source: str | None = None
    slow_s: float = 0.0


def target_of(
    url: str,
    *,
    tls: ssl.SSLContext | None = None,
    method: Method = Method.GET,
    http: HttpVersion = HttpVersion.V1_0,
    line_end: LineEnd = LineEnd.CRLF,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> CallTarget:
    """Return the target that `url` names. An https URL uses `tls` (default: a checked certificate).

    Raises ValueError, without repeating the URL (it may hold a token), if it cannot be called.
    """
    parts = _split(url)
    secure = parts.scheme == "https"
    return CallTarget(
        host=parts.hostname or "",
        port=parts.port or (443 if secure else 80),
        host_header=parts.netloc.encode("ascii"),
        path=(parts.path or "/").encode("ascii"),
        own_query=parts.query.encode("ascii"),
        tls=(tls or ssl.create_default_context()) if secure else None,
        method=method,
        http=http,
        line_end=line_end,
        timeout_s=timeout_s,
    )


def _split(url: str) -> SplitResult:
    if not _VISIBLE_ASCII.fullmatch(url):
        raise ValueError("the URL must be written in visible ASCII characters")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError("the URL must begin with http:// or https://")
    if not parts.hostname:
        raise ValueError("the URL names no host")
    if parts.username is not None:
        raise ValueError("the URL must not hold a user name: Zeus sends none")
    try:
        parts.hostname.encode("idna")
    except UnicodeError:
        raise ValueError("the URL's host name has an empty or overlong part") from None
    return parts


def request_bytes(target: CallTarget, query: bytes) -> bytes:
    """Return the whole request for one call.

    A User-Agent is sent only where Zeus sends one, on port 80, and only if one is given.
    """
    posted = target.method is Method.POST
    query_parts = [target.own_query] if posted else [target.own_query, query]
    target_query = b"&".join(part for part in query_parts if part)
    path = target.path + (b"?" + target_query if target_query else b"")
    lines = [
        b"%b %b HTTP/%b" % (target.method.encode(), path, target.http.encode()),
        *_headers(target, query if posted else None),
    ]
    end = _LINE_ENDS[target.line_end]
    return end.join([*lines, b"", b""]) + (query if posted else b"")


def _headers(target: CallTarget, body: bytes | None) -> list[bytes]:
    headers = []
    if target.user_agent and target.port == HTTP_PORT:
        headers.append(b"User-Agent: " + target.user_agent.encode("ascii"))
    if target.http is HttpVersion.V1_1:
        headers += [b"Host: " + target.host_header, b"Connection: close"]
    if body is not None:
        headers += [
            b"Content-Type: application/x-www-form-urlencoded",
            b"Content-Length: %d" % len(body),
        ]
    return headers
