"""Middleware of every page: sign-in, roles, CSRF and error pages."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from app.console.http.error_pages import (
    database_error_page,
    defect,
    file_too_large,
    forbidden,
    form_expired,
    form_too_large,
    not_allowed,
    not_found,
)
from app.console.http.forms import FormTooLarge, read_form
from app.console.http.multipart import BadForm
from app.console.http.page_request import (
    PageRequest,
    caller_of,
    language_of,
    operator_of,
    session_of,
)
from app.console.http.session import comes_from_here, is_ours
from app.console.http.upload import read_upload
from app.console.texts.flash import Flash
from app.db.error_advice import problem_of
from app.operations.access.permissions import Role
from app.operations.errors import FileNotKept, FileTooLarge, NotAllowed, NotFound

Page = Callable[[PageRequest], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


def guarded(page: Page, role: Role | None, *, takes_file: bool = False) -> Endpoint:
    """Return the endpoint of a page.

    `role` is the operator's minimum role; None for pages without sign-in. With `takes_file`, the
    form is multipart and has a file.
    """

    async def endpoint(request: Request) -> Response:
        page_request = PageRequest(request, session_of(request), None, language_of(request))
        try:
            return await _answer(page_request, page, role, takes_file=takes_file)
        except NotFound as error:
            return not_found(page_request, error)
        except NotAllowed:
            return not_allowed(page_request)
        except Exception as error:  # its text may hold personal data: log it without values
            problem = problem_of(error)
            return (
                database_error_page(page_request, error, problem)
                if problem
                else defect(page_request, error)
            )

    return endpoint


async def _answer(
    page_request: PageRequest, page: Page, role: Role | None, *, takes_file: bool
) -> Response:
    if page_request.request.method == "POST" and not takes_file:
        try:
            page_request = replace(page_request, form=await read_form(page_request.request))
        except FormTooLarge:
            return form_too_large(page_request)
    if role is not None:
        page_request = replace(page_request, operator=await operator_of(page_request))
        if page_request.operator is None:
            return _ask_to_sign_in(page_request)
    if takes_file and role is not None:
        return await _answer_upload(page_request, page, role)
    if page_request.request.method == "POST" and not _is_ours(page_request):
        return form_expired(page_request)
    if role is not None and not page_request.may(role):
        return forbidden(page_request, role)
    return await page(page_request)


async def _answer_upload(page_request: PageRequest, page: Page, role: Role) -> Response:
    """Answer a form with a file.

    Nothing is read unless an operator with the role sends it, from a page of this site.
    """
    request = page_request.request
    if not page_request.may(role):
        return forbidden(page_request, role)
    if not comes_from_here(request.headers, behind_proxy=caller_of(request).behind_proxy):
        return form_expired(page_request)
    try:
        async with read_upload(request, page_request.dependencies.uploads) as form:
            page_request = replace(page_request, form=form)
            if not _is_ours(page_request):
                return form_expired(page_request)
            return await page(page_request)
    except FormTooLarge:
        return form_too_large(page_request)
    except FileTooLarge as error:
        return file_too_large(page_request, error)
    except FileNotKept as error:
        return page_request.action_failed(error)
    except BadForm:
        return form_expired(page_request)


def _is_ours(page_request: PageRequest) -> bool:
    headers = page_request.request.headers
    return is_ours(
        page_request.session,
        page_request.form,
        headers,
        behind_proxy=caller_of(page_request.request).behind_proxy,
    )


def _ask_to_sign_in(page_request: PageRequest) -> Response:
    if (
        page_request.session is None
        and page_request.request.method == "GET"
        and page_request.request.headers.get("sec-fetch-site") == "cross-site"
    ):
        # Browsers withhold the cookie after a link from another site. Our page's reload sends it.
        return page_request.page("continue.html")
    flash = Flash.SIGN_IN_AGAIN if page_request.session and page_request.session.token else None
    path = f"/sign-in?next={quote(page_request.here)}" if page_request.here != "/" else "/sign-in"
    if page_request.in_part:
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"hx-redirect": path})
    response = page_request.go(path, flash)
    return page_request.forget(response) if flash else response
