"""Notice page: one call's raw bytes and parameters, its release and its dismissal."""

from uuid import UUID

from pydantic import ValidationError
from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.texts.flash import Flash
from app.operations.access.permissions import ROLE_OF, Action
from app.operations.attention.dismissal import Dismissal, dismiss_notice
from app.operations.errors import OperationError
from app.operations.notices import notices as operations
from app.operations.notices.release import release_notice


async def show(page_request: PageRequest) -> Response:
    """Show a call with masked values."""
    return await _show(page_request, personal=False)


async def show_personal(page_request: PageRequest) -> Response:
    """Show a call unmasked; the audit log records the view."""
    return await _show(page_request, personal=True)


async def release(page_request: PageRequest) -> Response:
    """Release a call from quarantine; a worker then judges it."""
    try:
        await release_notice(
            page_request.dependencies.sessions,
            _id(page_request),
            page_request.actor,
            rules=page_request.dependencies.decision_rules,
        )
    except OperationError as error:
        return page_request.action_failed(error)
    return page_request.go(page_request.here, Flash.RELEASED)


async def dismiss(page_request: PageRequest) -> Response:
    """Dismiss a quarantined or conflicting call."""
    try:
        await dismiss_notice(
            page_request.dependencies.sessions,
            _id(page_request),
            Dismissal(reason=page_request.form.text("reason")),
            page_request.actor,
            page_request.dependencies.decision_rules,
        )
    except (OperationError, ValidationError) as error:
        return page_request.action_failed(error)
    return page_request.go(page_request.here, Flash.DISMISSED)


async def _show(page_request: PageRequest, *, personal: bool) -> Response:
    notice = await operations.show_notice(
        page_request.dependencies.sessions,
        _id(page_request),
        shown_to=page_request.actor if personal else None,
    )
    may_see = page_request.may(ROLE_OF[Action.PERSONAL_DATA_SEEN])
    return page_request.page(
        "notice.html",
        notice=notice,
        personal=personal,
        may_see=may_see,
        may_act=page_request.may(ROLE_OF[Action.NOTICE_RELEASED]),
    )


def _id(page_request: PageRequest) -> UUID:
    return UUID(page_request.named("notice_id"))
