"""One call of Zeus: as it was sent and as it was read, and what can be done about it."""

from uuid import UUID

from pydantic import ValidationError
from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.texts.flash import Flash
from app.operations.access.permissions import ROLE_OF, Action
from app.operations.errors import OperationError
from app.operations.notices import notices as operations
from app.operations.reviews.dismissal import Dismissal, dismiss_notice


async def show(visit: PageRequest) -> Response:
    """A call with what is confidential hidden."""
    return await _show(visit, personal=False)


async def show_personal(visit: PageRequest) -> Response:
    """A call with everything, which the audit records."""
    return await _show(visit, personal=True)


async def release(visit: PageRequest) -> Response:
    """Have a quarantined call judged in spite of what is wrong with it."""
    try:
        await operations.release_notice(visit.dependencies.sessions, _id(visit), visit.actor)
    except OperationError as refused:
        return visit.refused(refused)
    return visit.go(visit.here, Flash.RELEASED)


async def dismiss(visit: PageRequest) -> Response:
    """Take a call out of what needs attention."""
    try:
        await dismiss_notice(
            visit.dependencies.sessions,
            _id(visit),
            Dismissal(reason=visit.form.text("reason")),
            visit.actor,
        )
    except (OperationError, ValidationError) as refused:
        return visit.refused(refused)
    return visit.go(visit.here, Flash.DISMISSED)


async def _show(visit: PageRequest, *, personal: bool) -> Response:
    notice = await operations.show_notice(
        visit.dependencies.sessions, _id(visit), shown_to=visit.actor if personal else None
    )
    may_see = visit.may(ROLE_OF[Action.PERSONAL_DATA_SEEN])
    return visit.page(
        "notice.html",
        notice=notice,
        personal=personal,
        may_see=may_see,
        may_act=visit.may(ROLE_OF[Action.NOTICE_RELEASED]),
    )


def _id(visit: PageRequest) -> UUID:
    return UUID(visit.named("notice_id"))
