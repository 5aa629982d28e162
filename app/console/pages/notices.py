"""Notice page: one call's raw bytes and parameters, its release and its dismissal."""

from collections.abc import Sequence
from http import HTTPStatus
from uuid import UUID

from pydantic import ValidationError
from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.texts.flash import Flash
from app.console.views.corrections import corrections_in, fields_to_correct
from app.judging.verdicts import Verdict
from app.operations.access.permissions import ROLE_OF, Action
from app.operations.attention.dismissal import Dismissal, dismiss_notice
from app.operations.errors import NotReleasable, OperationError
from app.operations.notices import notices as operations
from app.operations.notices.release import NoticeRelease, release_notice


async def show(page_request: PageRequest) -> Response:
    """Show a call with masked values."""
    return await _show(page_request)


async def show_personal(page_request: PageRequest) -> Response:
    """Show a call unmasked; the audit log records the view."""
    return await _show(page_request, personal=True)


async def release(page_request: PageRequest) -> Response:
    """Release a call from quarantine, with corrected values if any were changed.

    A call that would be quarantined again is shown with the reasons.
    """
    sessions, notice_id = page_request.dependencies.sessions, _id(page_request)
    notice = await operations.show_notice(sessions, notice_id)
    try:
        await release_notice(
            sessions,
            notice_id,
            page_request.actor,
            NoticeRelease(parameters=corrections_in(page_request.form, notice.parameters)),
            page_request.dependencies.decision_rules,
        )
    except NotReleasable as error:
        return await _show(page_request, HTTPStatus.CONFLICT, faults=error.reasons)
    except ValidationError:
        return await _show(page_request, HTTPStatus.UNPROCESSABLE_ENTITY, faults=("oversize",))
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


async def _show(
    page_request: PageRequest,
    status: int = HTTPStatus.OK,
    *,
    personal: bool = False,
    faults: Sequence[str] = (),
) -> Response:
    """Show a call. With `faults`, say why its release was refused, and keep what was typed."""
    notice = await operations.show_notice(
        page_request.dependencies.sessions,
        _id(page_request),
        shown_to=page_request.actor if personal else None,
    )
    may_act = page_request.may(ROLE_OF[Action.NOTICE_RELEASED])
    may_correct = may_act and notice.verdict == Verdict.QUARANTINED and notice.erased_at is None
    return page_request.page(
        "notice.html",
        status,
        notice=notice,
        faults=faults,
        fields=fields_to_correct(notice, page_request.form if faults else None, personal=personal)
        if may_correct
        else (),
        personal=personal,
        may_see=page_request.may(ROLE_OF[Action.PERSONAL_DATA_SEEN]),
        may_act=may_act,
    )


def _id(page_request: PageRequest) -> UUID:
    return UUID(page_request.named("notice_id"))
