"""Session cookie and CSRF check of the console.

The cookie is sealed with the service's keys. It carries the operator's token and a CSRF token for
twelve hours. A revoked or expired token therefore ends its sessions immediately in every process.
The server stores no session, so any process with the same keys can answer the next request. The
database stores only the sessions that were signed out.
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
# Other texts are sealed with the same keys. None of them may pass for a session.
_PURPOSE = "console-session"


@dataclass(frozen=True, slots=True)
class Session:
    """A browser's session. `token` is None before sign-in; `until` is its end as a Unix time."""

    id: UUID
    csrf: str
    until: int
    token: str | None = None

    @property
    def ends_at(self) -> datetime:
        """Return the time at which the session expires."""
        return datetime.fromtimestamp(self.until, UTC)


def new_session(token: str | None = None) -> Session:
    """Return a session that begins now, with a new CSRF token."""
    return Session(uuid4(), secrets.token_urlsafe(24), int(time.time()) + SESSION_SECONDS, token)


def seal(session: Session, vault: Vault) -> str:
    """Return the sealed value of the session's cookie."""
    values = {
        "for": _PURPOSE,
        "id": str(session.id),
        "csrf": session.csrf,
        "until": session.until,
        "token": session.token,
    }
    return vault.seal(json.dumps(values)).decode()


def opened(cookie: str | None, vault: Vault) -> Session | None:
    """Return the session in a cookie; None if it is missing, expired or forged."""
    if not cookie:
        return None
    try:
        values = json.loads(vault.open(cookie.encode()))
    except (KeyMissing, ValueError):
        return None
    # Cookies of earlier versions have no id.
    if not isinstance(values, dict) or values.get("for") != _PURPOSE or "id" not in values:
        return None
    session = Session(UUID(values["id"]), values["csrf"], values["until"], values["token"])
    return session if session.until > time.time() else None


def keep(response: Response, request: Request, session: Session, vault: Vault) -> None:
    """Set the session's cookie on an answer."""
    set_cookie(
        response, request, COOKIE, seal(session, vault), max(session.until - int(time.time()), 0)
    )


def forget(response: Response, request: Request) -> None:
    """Delete the session's cookie on an answer."""
    set_cookie(response, request, COOKIE, "", 0)


def set_cookie(response: Response, request: Request, name: str, value: str, seconds: int) -> None:
    """Set a cookie that is HttpOnly, SameSite=Strict and, over https, Secure."""
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
    """Return True if the browser uses https, to us or to a proxy.

    X-Forwarded-Proto is not verified: a false value only costs the caller its own cookie.
    """
    return (
        request.url.scheme == "https"
        or request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower() == "https"
    )


FIELD = "csrf"
_OURS = ("same-origin", "none")
_DEFAULT_PORTS = {"https": 443, "http": 80}


def is_ours(session: Session | None, form: Form, headers: Headers, *, behind_proxy: bool) -> bool:
    """Return True if a form carries the session's CSRF token and comes from this site.

    With `behind_proxy`, a trusted proxy passed it on; its X-Forwarded-Host counts beside Host.
    """
    if session is None or not comes_from_here(headers, behind_proxy=behind_proxy):
        return False
    return hmac.compare_digest(form.text(FIELD).encode(), session.csrf.encode())


def comes_from_here(headers: Headers, *, behind_proxy: bool) -> bool:
    """Return True if Sec-Fetch-Site, and Origin or else Referer, name this site.

    A browser without these headers is old, and passes.
    """
    if headers.get("sec-fetch-site", "same-origin") not in _OURS:
        return False
    stated = headers.getlist("origin") or headers.getlist("referer")[:1]
    return all(_is_here(origin, _hosts(headers, behind_proxy)) for origin in stated)


def _hosts(headers: Headers, behind_proxy: bool) -> Sequence[str]:
    """Return the host names (with port, if any) that the browser may have used for this site."""
    forwarded = headers.getlist("x-forwarded-host") if behind_proxy else []
    # A list may come from several proxies in a row.
    return [
        *headers.getlist("host"),
        *(entry.strip() for value in forwarded for entry in value.split(",")),
    ]


def _is_here(origin: str, hosts: Sequence[str]) -> bool:
    wanted = _origin(origin)
    if wanted is None:
        return False
    scheme = origin.partition(":")[0].lower()
    return any(wanted == _origin(f"{scheme}://{host}") for host in hosts)


def _origin(url: str) -> tuple[str, int] | None:
    """Return host and port of a URL; None for `null` or an invalid URL."""
    try:
        parsed = urlsplit(url)
        port = parsed.port or _DEFAULT_PORTS.get(parsed.scheme)
    except ValueError:
        return None
    if not parsed.hostname or port is None:
        return None
    return parsed.hostname.rstrip("."), port
