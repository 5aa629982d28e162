"""Answers for what goes wrong. They repeat nothing that was sent, and what is logged holds no values."""

from http import HTTPStatus

from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.texts.error_texts import words_of
from app.console.texts.labels import _
from app.db.connections import describe_error
from app.db.sqlstates import DatabaseProblem
from app.logs import get_logger
from app.operations.access.permissions import Role
from app.operations.errors import OperationError

log = get_logger("console")


def not_found(visit: PageRequest, refused: OperationError | None = None) -> Response:
    """What was asked for does not exist."""
    return _page(
        visit,
        HTTPStatus.NOT_FOUND,
        _("Not found"),
        words_of(refused) if refused else _("There is no such page."),
    )


def wrong_method(visit: PageRequest) -> Response:
    """The page exists and takes no such request."""
    return _page(visit, HTTPStatus.METHOD_NOT_ALLOWED, _("Not found"), _("There is no such page."))


def forbidden(visit: PageRequest, needed: Role) -> Response:
    """The operator's role does not suffice."""
    log.warning(
        "not_allowed",
        operator=visit.operator and visit.operator.name,
        path=_route(visit),
        needed=needed.value,
    )
    return not_allowed(visit)


def not_allowed(visit: PageRequest) -> Response:
    """The operator's role does not suffice."""
    return _page(visit, HTTPStatus.FORBIDDEN, _("Not allowed"), _("Your role does not allow this."))


def form_expired(visit: PageRequest) -> Response:
    """A form without the right CSRF token: an old page, or another site's."""
    log.warning("form_refused", path=_route(visit))
    text = _(
        "The form was sent from a page that is too old, or from another site. Go back, load the page again and send it once more."
    )
    return _page(visit, HTTPStatus.FORBIDDEN, _("Please send it once more"), text)


def form_too_large(visit: PageRequest) -> Response:
    """More was sent than any form can hold."""
    return _page(
        visit,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        _("Too much"),
        _("The form holds more than we take."),
    )


def database_error_page(visit: PageRequest, error: Exception, trouble: DatabaseProblem) -> Response:
    """The database is to blame."""
    log.error("page_failed", path=_route(visit), trouble=trouble.name, error=describe_error(error))
    text = _(
        "The database does not answer just now. Calls of Zeus are kept all the same. Try again in a moment."
    )
    return _page(visit, HTTPStatus.SERVICE_UNAVAILABLE, _("One moment"), text)


def defect(visit: PageRequest, error: Exception) -> Response:
    """We are to blame."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else None
    log.error(
        "page_failed", path=_route(visit), trouble=None, error=describe_error(error), where=where
    )
    return _page(
        visit,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        _("Something is broken"),
        _("A defect of zeus-relay; its log tells where."),
    )


def _page(visit: PageRequest, status: HTTPStatus, title: str, text: str) -> Response:
    back = visit.here if visit.request.method != "GET" else "/"
    return visit.page(
        "trouble.html",
        status,
        title=visit.translated(title),
        text=visit.translated(text),
        back=back,
    )


def _route(visit: PageRequest) -> str:
    """The first part of the path, which holds no value."""
    return f"/{visit.request.url.path.split('/')[1][:20]}"
