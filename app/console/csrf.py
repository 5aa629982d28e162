"""CSRF protection: a form must carry its session's token, and must not come from another site as far as the browser says.

The token decides. Where a form comes from is a second line, for a token that has leaked.
"""

import hmac
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from app.console.forms import Form
from app.console.session import Session

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
    return [*headers.getlist("host"), *(entry.strip() for value in forwarded for entry in value.split(","))]


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
