"""Sign-in with an operator's token, sign-out, and choice of language."""

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
_THROTTLED = _("Too many attempts. Please wait a minute.")

log = get_logger("console")


async def show(page_request: PageRequest) -> Response:
    """Show the form, in a session of its own for the CSRF token."""
    if await operator_of(page_request):
        return page_request.go(path_here(page_request.text("next")))
    return _form(page_request)


async def sign_in(page_request: PageRequest) -> Response:
    """Start a session if the token is valid."""
    dependencies, address = page_request.dependencies, caller_of(page_request.request).address
    if not dependencies.sign_in_limiter.begin(address):
        log.warning("sign_in_throttled")
        return _form(page_request, HTTPStatus.TOO_MANY_REQUESTS, _THROTTLED)
    token = page_request.form.text("token")
    operator = await dependencies.tokens.authenticate(token) if token else None
    if operator is None:
        log.warning("sign_in_refused")
        await dependencies.sign_in_limiter.failed()
        return _form(page_request, HTTPStatus.FORBIDDEN, _UNKNOWN)
    dependencies.sign_in_limiter.succeeded(address)
    log.info("signed_in", operator=operator.name, role=operator.role.value)
    return page_request.keep(
        page_request.go(path_here(page_request.form.text("next"))), new_session(token)
    )


async def sign_out(page_request: PageRequest) -> Response:
    """End the session, including for copies of its cookie."""
    if page_request.session and page_request.session.token:
        await end_session(
            page_request.dependencies.sessions,
            page_request.session.id,
            page_request.session.ends_at,
        )
    return page_request.forget(page_request.go("/sign-in", Flash.SIGNED_OUT))


async def change_language(page_request: PageRequest) -> Response:
    """Set the language cookie and return to the page."""
    response = page_request.go(path_here(page_request.form.text("back")))
    language = i18n.choose(page_request.form.text("language"), "")
    set_cookie(response, page_request.request, i18n.COOKIE, language.value, i18n.LANGUAGE_SECONDS)
    return response


def _form(
    page_request: PageRequest, status: HTTPStatus = HTTPStatus.OK, problem: str | None = None
) -> Response:
    session = (
        page_request.session
        if page_request.session and page_request.session.token is None
        else new_session()
    )
    page_request = page_request.with_session(session)
    destination = page_request.text("next") or page_request.form.text("next")
    text = page_request.translated(problem) if problem else None
    response = page_request.page("sign_in.html", status, problem=text, next=path_here(destination))
    return page_request.keep(response, session)
