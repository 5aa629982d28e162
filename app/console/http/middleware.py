"""In front of every page: signing in, roles, CSRF, and answers for what goes wrong."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from app.console.http.error_pages import (
    database_error_page,
    defect,
    forbidden,
    form_expired,
    form_too_large,
    not_allowed,
    not_found,
)
from app.console.http.forms import FormTooLarge, read_form
from app.console.http.page_request import (
    PageRequest,
    caller_of,
    language_of,
    operator_of,
    session_of,
)
from app.console.http.session import is_ours
from app.console.texts.flash import Flash
from app.db.error_advice import problem_of
from app.operations.access.permissions import Role
from app.operations.errors import NotAllowed, NotFound

Page = Callable[[PageRequest], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


def guarded(page: Page, role: Role | None) -> Endpoint:
    """The endpoint of a page. `role` is what the operator needs; None for pages that can be seen without signing in."""

    async def endpoint(request: Request) -> Response:
        visit = PageRequest(request, session_of(request), None, language_of(request))
        try:
            return await _answer(visit, page, role)
        except NotFound as refused:
            return not_found(visit, refused)
        except NotAllowed:
            return not_allowed(visit)
        except (
            Exception
        ) as error:  # what nobody expected must not reach a log with the values in it
            trouble = problem_of(error)
            return database_error_page(visit, error, trouble) if trouble else defect(visit, error)

    return endpoint


async def _answer(visit: PageRequest, page: Page, role: Role | None) -> Response:
    if visit.request.method == "POST":
        try:
            visit = replace(visit, form=await read_form(visit.request))
        except FormTooLarge:
            return form_too_large(visit)
    if role is not None:
        visit = replace(visit, operator=await operator_of(visit))
        if visit.operator is None:
            return _ask_to_sign_in(visit)
    if visit.request.method == "POST" and not _is_ours(visit):
        return form_expired(visit)
    if role is not None and not visit.may(role):
        return forbidden(visit, role)
    return await page(visit)


def _is_ours(visit: PageRequest) -> bool:
    headers = visit.request.headers
    return is_ours(
        visit.session, visit.form, headers, behind_proxy=caller_of(visit.request).behind_proxy
    )


def _ask_to_sign_in(visit: PageRequest) -> Response:
    if (
        visit.session is None
        and visit.request.method == "GET"
        and visit.request.headers.get("sec-fetch-site") == "cross-site"
    ):
        # Browsers hold the cookie back when a link elsewhere leads here; asked once more from our own page, they send it.
        return visit.page("continue.html")
    said = Flash.SIGN_IN_AGAIN if visit.session and visit.session.token else None
    path = f"/sign-in?next={quote(visit.here)}" if visit.here != "/" else "/sign-in"
    if visit.in_part:
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"hx-redirect": path})
    response = visit.go(path, said)
    return visit.forget(response) if said else response
