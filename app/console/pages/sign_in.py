"""Signing in with an operator's token, signing out, and choosing a language."""

from http import HTTPStatus

from starlette.responses import Response

from app.console.http.page_request import PageRequest, caller_of, operator_of, path_here
from app.console.http.session import new_session, set_cookie
from app.console.texts import i18n
from app.console.texts.flash import Flash
from app.console.texts.labels import _
from app.logs import get_logger
from app.operations.access.sessions import end_session

_UNKNOWN = _("This token is not valid.")
_TOO_OFTEN = _("Too many attempts. Please wait a minute.")

log = get_logger("console")


async def show(visit: PageRequest) -> Response:
    """The form. It needs a session of its own, for its CSRF token."""
    if await operator_of(visit):
        return visit.go(path_here(visit.text("next")))
    return _form(visit)


async def sign_in(visit: PageRequest) -> Response:
    """Begin a session with the token that was given, if it is somebody's."""
    parts, address = visit.dependencies, caller_of(visit.request).address
    if not parts.throttle.begin(address):
        log.warning("sign_in_throttled")
        return _form(visit, HTTPStatus.TOO_MANY_REQUESTS, _TOO_OFTEN)
    token = visit.form.text("token")
    operator = await parts.tokens.authenticate(token) if token else None
    if operator is None:
        log.warning("sign_in_refused")
        await parts.throttle.failed()
        return _form(visit, HTTPStatus.FORBIDDEN, _UNKNOWN)
    parts.throttle.succeeded(address)
    log.info("signed_in", operator=operator.name, role=operator.role.value)
    return visit.keep(visit.go(path_here(visit.form.text("next"))), new_session(token))


async def sign_out(visit: PageRequest) -> Response:
    """End the session, also for whoever has a copy of its cookie."""
    if visit.session and visit.session.token:
        await end_session(visit.dependencies.sessions, visit.session.id, visit.session.ends_at)
    return visit.forget(visit.go("/sign-in", Flash.SIGNED_OUT))


async def change_language(visit: PageRequest) -> Response:
    """Remember a language and show the page again in it."""
    response = visit.go(path_here(visit.form.text("back")))
    language = i18n.choose(visit.form.text("language"), "")
    set_cookie(response, visit.request, i18n.COOKIE, language.value, i18n.LANGUAGE_SECONDS)
    return response


def _form(
    visit: PageRequest, status: HTTPStatus = HTTPStatus.OK, problem: str | None = None
) -> Response:
    session = visit.session if visit.session and visit.session.token is None else new_session()
    visit = visit.with_session(session)
    following = visit.text("next") or visit.form.text("next")
    text = visit.translated(problem) if problem else None
    response = visit.page("sign_in.html", status, problem=text, next=path_here(following))
    return visit.keep(response, session)
