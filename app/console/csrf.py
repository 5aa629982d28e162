"""Refusing forms that were not sent from our own pages."""

import hmac

from starlette.datastructures import Headers

from app.console.forms import Form
from app.console.session import Session

FIELD = "csrf"
_OURS = ("same-origin", "none")


def is_ours(session: Session | None, form: Form, headers: Headers) -> bool:
    """Whether a form carries the session's CSRF token and, as far as the browser says, comes from this site."""
    if session is None or headers.get("sec-fetch-site", "same-origin") not in _OURS:
        return False
    return hmac.compare_digest(form.text(FIELD).encode(), session.csrf.encode())
