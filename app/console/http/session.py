"""Who is signed in: a cookie, sealed with the service's keys, that carries the operator's token and a CSRF token for twelve hours.

The cookie holds the token itself, so that a token that is revoked or expires ends its sessions at once and in every process. Of a
session nothing is kept on the server, so any process with the same keys can answer the next request; the database remembers only
those that were signed out.
"""

import hmac
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from app.console.http.forms import Form
from app.crypto.vault import KeyMissing, Vault

COOKIE = "zeus_relay_session"
SESSION_SECONDS = 12 * 3600
# Other texts are sealed with the same keys; none of them may pass for a session.
_PURPOSE = "console-session"


@dataclass(frozen=True, slots=True)
class Session:
    """One browser's visit. `token` is None before sign-in; `until` is its end in seconds since 1970."""

    id: UUID
    csrf: str
    until: int
    token: str | None = None

    @property
    def ends_at(self) -> datetime:
        """When it ends by itself."""
        return datetime.fromtimestamp(self.until, UTC)


def new_session(token: str | None = None) -> Session:
    """A session that begins now, with a CSRF token of its own."""
    return Session(uuid4(), secrets.token_urlsafe(24), int(time.time()) + SESSION_SECONDS, token)


def seal(session: Session, vault: Vault) -> str:
    """The cookie's value."""
    values = {
        "for": _PURPOSE,
        "id": str(session.id),
        "csrf": session.csrf,
        "until": session.until,
        "token": session.token,
    }
    return vault.seal(json.dumps(values)).decode()


def opened(cookie: str | None, vault: Vault) -> Session | None:
    """The session in a cookie, or None: there is none, it is over, or we did not make it."""
    if not cookie:
        return None
    try:
        values = json.loads(vault.open(cookie.encode()))
    except (KeyMissing, ValueError):
        return None
    if (
        not isinstance(values, dict) or values.get("for") != _PURPOSE or "id" not in values
    ):  # before there were ids
        return None
    session = Session(UUID(values["id"]), values["csrf"], values["until"], values["token"])
    return session if session.until > time.time() else None


def keep(response: Response, request: Request, session: Session, vault: Vault) -> None:
    """Have the browser keep the session."""
    set_cookie(
        response, request, COOKIE, seal(session, vault), max(session.until - int(time.time()), 0)
    )


def forget(response: Response, request: Request) -> None:
    """Have the browser forget the session."""
    set_cookie(response, request, COOKIE, "", 0)


def set_cookie(response: Response, request: Request, name: str, value: str, seconds: int) -> None:
    """Set a cookie that no script can read and no other site's request carries; over https it never travels unencrypted."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="strict",
        secure=is_https(request),
    )


def is_https(request: Request) -> bool:
    """Whether the browser speaks https, to us or to a proxy. Who lies here only loses a cookie of their own."""
    return (
        request.url.scheme == "https"
        or request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower() == "https"
    )


FIELD = "csrf"
_OURS = ("same-origin", "none")
_DEFAULT_PORTS = {"https": 443, "http": 80}


def is_ours(session: Session | None, form: Form, headers: Headers, *, behind_proxy: bool) -> bool:
    """Return whether a form carries the session's token and comes from this site.

    `behind_proxy` says whether a trusted proxy passed it on, whose X-Forwarded-Host then counts beside Host.
    """
    if session is None or not comes_from_here(headers, behind_proxy=behind_proxy):
        return False
    return hmac.compare_digest(form.text(FIELD).encode(), session.csrf.encode())


def comes_from_here(headers: Headers, *, behind_proxy: bool) -> bool:
    """Return what the browser says: by Sec-Fetch-Site and Origin, and without an Origin by Referer.

    A browser that says nothing is an old one, and passes.
    """
    if headers.get("sec-fetch-site", "same-origin") not in _OURS:
        return False
    stated = headers.getlist("origin") or headers.getlist("referer")[:1]
    return all(_is_here(origin, _hosts(headers, behind_proxy)) for origin in stated)


def _hosts(headers: Headers, behind_proxy: bool) -> Sequence[str]:
    """The names under which the browser may have asked for this site, each with its port if it has one."""
    forwarded = headers.getlist("x-forwarded-host") if behind_proxy else []
    # A proxy in front of ours may have begun the list; the last entry is that of the nearest.
    return [
        *headers.getlist("host"),
        *(entry.strip() for value in forwarded for entry in value.split(",")),
    ]


def _is_here(origin: str, hosts: Sequence[str]) -> bool:
    place = _place(origin)
    if place is None:
        return False
    scheme = origin.partition(":")[0].lower()
    return any(place == _place(f"{scheme}://{host}") for host in hosts)


def _place(url: str) -> tuple[str, int] | None:
    """Host and port of a URL, or None: `null`, or what is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.hostname or port is None:
        return None
    return parts.hostname.rstrip("."), port
