"""POST requests as bytes, and the URL that they are made from."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Self

from yarl import URL

from app.network.address_rules import Address, literal_address

USER_AGENT = f"zeus-relay/{version('zeus-relay')}"

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class PostUrl:
    """A URL and what a POST to it needs.

    `authority` is for the header Host. `target`, path and query, is as written. `authorization` is
    made from the user and password of the URL, if there are any. `literal` is the host if it is an
    address, which no resolver checks.
    """

    url: URL
    host: str
    port: int
    is_tls: bool
    literal: Address | None
    authority: str
    target: str
    authorization: str | None

    @classmethod
    def of(cls, url: URL) -> Self:
        """Return this for an absolute http:// or https:// URL."""
        host = url.raw_host or ""
        return cls(
            url,
            host,
            url.port or 0,
            url.scheme == "https",
            literal_address(host),
            url.host_port_subcomponent or host,
            url.raw_path_qs,
            _basic(url),
        )


def post_head(target: str, headers: Headers) -> str:
    """Return the first line of a POST to `target` and these headers, without an empty line.

    Names and values must be checked: nothing is escaped.
    """
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, ""])


def post_request(head: str, headers: Mapping[str, str], content: bytes) -> bytes:
    """Return the bytes of a POST: `head` from `post_head`, further `headers`, and the body."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    return f"{head}{lines}Content-Length: {len(content)}\r\n\r\n".encode("latin-1") + content


def _basic(url: URL) -> str | None:
    if url.user is None and url.password is None:
        return None
    login = f"{url.user or ''}:{url.password or ''}".encode()
    return f"Basic {base64.b64encode(login).decode()}"
