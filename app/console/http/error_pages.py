"""Error pages of the console. Neither page nor log repeats a value of the request."""

from http import HTTPStatus

from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.texts.error_texts import words_of
from app.console.texts.labels import _
from app.db.connections import describe_error
from app.db.sqlstates import DatabaseProblem
from app.logs import get_logger
from app.operations.access.permissions import Role
from app.operations.errors import FileTooLarge, OperationError

log = get_logger("console")


def not_found(page_request: PageRequest, error: OperationError | None = None) -> Response:
    """Return 404 for a missing page or object."""
    return _page(
        page_request,
        HTTPStatus.NOT_FOUND,
        _("Not found"),
        words_of(error) if error else _("There is no such page."),
    )


def wrong_method(page_request: PageRequest) -> Response:
    """Return 405 for a method that the page does not support."""
    return _page(
        page_request, HTTPStatus.METHOD_NOT_ALLOWED, _("Not found"), _("There is no such page.")
    )


def forbidden(page_request: PageRequest, needed: Role) -> Response:
    """Log an operator's missing right and return 403."""
    log.warning(
        "not_allowed",
        operator=page_request.operator and page_request.operator.name,
        path=_route(page_request),
        needed=needed.value,
    )
    return not_allowed(page_request)


def not_allowed(page_request: PageRequest) -> Response:
    """Return 403 for an action that the operator's role does not allow."""
    return _page(
        page_request, HTTPStatus.FORBIDDEN, _("Not allowed"), _("Your role does not allow this.")
    )


def form_expired(page_request: PageRequest) -> Response:
    """Return 403 for a form without a valid CSRF token: an old page, or another site."""
    log.warning("form_refused", path=_route(page_request))
    text = _(
        "The form came from an outdated page or from another site. "
        "Go back, reload the page and send it again."
    )
    return _page(page_request, HTTPStatus.FORBIDDEN, _("Please send it again"), text)


def form_too_large(page_request: PageRequest) -> Response:
    """Return 413 for a form over the size limit."""
    return _page(
        page_request,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        _("Too large"),
        _("The form is larger than the limit."),
    )


def file_too_large(page_request: PageRequest, error: FileTooLarge) -> Response:
    """Return 413 for a file over the size limit."""
    return _page(page_request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _("Too large"), words_of(error))


def database_error_page(
    page_request: PageRequest, error: Exception, problem: DatabaseProblem
) -> Response:
    """Return 503 for a database error, and log it."""
    log.error(
        "page_failed", path=_route(page_request), trouble=problem.name, error=describe_error(error)
    )
    text = _(
        "The database does not answer. Zeus's calls are still recorded. Try again in a moment."
    )
    return _page(page_request, HTTPStatus.SERVICE_UNAVAILABLE, _("One moment"), text)


def defect(page_request: PageRequest, error: Exception) -> Response:
    """Return 500 for an internal error, and log its place in the code."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else None
    log.error(
        "page_failed",
        path=_route(page_request),
        trouble=None,
        error=describe_error(error),
        where=where,
    )
    return _page(
        page_request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        _("Internal error"),
        _("zeus-relay has a defect. Its log shows the place in the code."),
    )


def _page(page_request: PageRequest, status: HTTPStatus, title: str, text: str) -> Response:
    back = page_request.here if page_request.request.method != "GET" else "/"
    return page_request.page(
        "error.html",
        status,
        title=page_request.translated(title),
        text=page_request.translated(text),
        back=back,
    )


def _route(page_request: PageRequest) -> str:
    """Return the first segment of the path, which contains no value."""
    return f"/{page_request.request.url.path.split('/')[1][:20]}"
