"""Page of one application: every field, its history, and the form that resolves an unknown one."""

from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from pydantic import ValidationError
from starlette.responses import HTMLResponse, Response

from app.applications.result_page import PageLanguage
from app.applications.states import ApplicationState
from app.console.http.page_request import PageRequest
from app.console.texts.flash import Flash
from app.console.texts.labels import _
from app.operations.access.permissions import ROLE_OF, Action
from app.operations.applications import page as pages
from app.operations.applications.applications import show_application
from app.operations.applications.models import Application, ApplicationResolution
from app.operations.applications.resolve import resolve_application
from app.operations.errors import NotAcceptable, NotFound, OperationError
from app.operations.mails.mails import suggest_mails
from app.zeus.error_codes import error_of


async def show(page_request: PageRequest) -> Response:
    """Show an application with masked customer data."""
    return await _show(page_request)


async def show_personal(page_request: PageRequest) -> Response:
    """Show an application with customer data; the audit log records the view."""
    return await _show(page_request, personal=True)


async def show_result_page(page_request: PageRequest) -> Response:
    """Show the page for the customer, as the API serves it."""
    asked = page_request.text("lang") or page_request.language.value
    language = PageLanguage(asked) if asked in list(PageLanguage) else PageLanguage.JAPANESE
    dependencies = page_request.dependencies
    page = await pages.show_result_page(
        dependencies.sessions, _id(page_request), language, support=dependencies.support
    )
    return HTMLResponse(page, headers=pages.PAGE_HEADERS)


async def resolve(page_request: PageRequest) -> Response:
    """Resolve an unknown application."""
    form, application_id = page_request.form, _id(page_request)
    dependencies = page_request.dependencies
    failed = form.text("outcome") == "failed"
    try:
        resolution = ApplicationResolution.model_validate(
            {"outcome": "failed"} if failed else {"order_no": form.text("order_no")}
        )
        await resolve_application(
            dependencies.sessions,
            application_id,
            resolution,
            page_request.actor,
            support=dependencies.support,
        )
    except ValidationError:
        problem = page_request.translated(_("Enter the order number as Zeus's console shows it."))
        return await _show(page_request, HTTPStatus.UNPROCESSABLE_ENTITY, problem=problem)
    except NotFound:
        raise
    except NotAcceptable:
        problem = page_request.translated(_("Another application has this order number."))
        return await _show(page_request, HTTPStatus.UNPROCESSABLE_ENTITY, problem=problem)
    except OperationError as error:
        problem = page_request.reason(error)
        return await _show(page_request, HTTPStatus.CONFLICT, problem=problem)
    return page_request.go(f"/applications/{application_id}", Flash.RESOLVED)


async def _show(
    page_request: PageRequest,
    status: int = HTTPStatus.OK,
    *,
    personal: bool = False,
    problem: str | None = None,
) -> Response:
    dependencies = page_request.dependencies
    application = await show_application(
        dependencies.sessions,
        _id(page_request),
        shown_to=page_request.actor if personal else None,
        support=dependencies.support,
    )
    code = application.error.zeus_code if application.error else None
    is_unknown = application.state is ApplicationState.UNKNOWN
    return page_request.page(
        "application.html",
        status,
        application=application,
        history=history_of(application),
        error_code=error_of(code),
        personal=personal,
        problem=problem,
        typed=page_request.form.text("order_no"),
        is_unknown=is_unknown,
        mails=await suggest_mails(dependencies.sessions, application.id) if is_unknown else (),
        may_see=page_request.may(ROLE_OF[Action.PERSONAL_DATA_SEEN]),
        may_resolve=page_request.may(ROLE_OF[Action.APPLICATION_RESOLVED]),
    )


def history_of(application: Application) -> list[tuple[str, datetime]]:
    """Return what happened to an application and when, the oldest first.

    It is recorded before it is sent, though both may have the same time.
    """
    later = (
        (_("Sent to Zeus"), application.sent_at),
        (_("Answered by Zeus"), application.answered_at),
        (_("First call from Zeus"), application.called_at),
        (_("Outcome resolved"), application.resolved_at),
    )
    known = [(words, when) for words, when in later if when is not None]
    return [(_("Recorded"), application.created_at), *sorted(known, key=lambda one: one[1])]


def _id(page_request: PageRequest) -> UUID:
    return UUID(page_request.named("application_id"))
