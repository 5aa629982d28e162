"""Answers for what goes wrong. They repeat nothing that was sent, and what is logged holds no values."""

from http import HTTPStatus

from starlette.responses import Response

from app.console.http.page_request import Visit
from app.console.texts.error_texts import words_of
from app.console.texts.labels import _
from app.db.connections import describe_error
from app.db.error_advice import Trouble
from app.logs import get_logger
from app.operations.access.permissions import Role
from app.operations.errors import Refusal

log = get_logger("console")


def not_found(visit: Visit, refused: Refusal | None = None) -> Response:
    """What was asked for does not exist."""
    return _page(visit, HTTPStatus.NOT_FOUND, _("Not found"), words_of(refused) if refused else _("There is no such page."))


def wrong_method(visit: Visit) -> Response:
    """The page exists and takes no such request."""
    return _page(visit, HTTPStatus.METHOD_NOT_ALLOWED, _("Not found"), _("There is no such page."))


def forbidden(visit: Visit, needed: Role) -> Response:
    """The operator's role does not suffice."""
    log.warning("not_allowed", operator=visit.operator and visit.operator.name, path=_route(visit), needed=needed.value)
    return not_allowed(visit)


def not_allowed(visit: Visit) -> Response:
    """The operator's role does not suffice."""
    return _page(visit, HTTPStatus.FORBIDDEN, _("Not allowed"), _("Your role does not allow this."))


def form_expired(visit: Visit) -> Response:
    """A form without the right CSRF token: an old page, or another site's."""
    log.warning("form_refused", path=_route(visit))
    text = _("The form was sent from a page that is too old, or from another site. Go back, load the page again and send it once more.")
    return _page(visit, HTTPStatus.FORBIDDEN, _("Please send it once more"), text)


def form_too_large(visit: Visit) -> Response:
    """More was sent than any form can hold."""
    return _page(visit, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _("Too much"), _("The form holds more than we take."))


def database_trouble(visit: Visit, error: Exception, trouble: Trouble) -> Response:
    """The database is to blame."""
    log.error("page_failed", path=_route(visit), trouble=trouble.name, error=describe_error(error))
    text = _("The database does not answer just now. Calls of Zeus are kept all the same. Try again in a moment.")
    return _page(visit, HTTPStatus.SERVICE_UNAVAILABLE, _("One moment"), text)


def defect(visit: Visit, error: Exception) -> Response:
    """We are to blame."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else None
    log.error("page_failed", path=_route(visit), trouble=None, error=describe_error(error), where=where)
    return _page(visit, HTTPStatus.INTERNAL_SERVER_ERROR, _("Something is broken"), _("A defect of zeus-relay; its log tells where."))


def _page(visit: Visit, status: HTTPStatus, title: str, text: str) -> Response:
    back = visit.here if visit.request.method != "GET" else "/"
    return visit.page("trouble.html", status, title=visit.translated(title), text=visit.translated(text), back=back)


def _route(visit: Visit) -> str:
    """The first part of the path, which holds no value."""
    return f"/{visit.request.url.path.split('/')[1][:20]}"
