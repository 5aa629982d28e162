"""Routes of mails, /v1/mails: hand in, list, show, heal, dismiss."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from app.api.dependencies import ShownTo, WithActor, WithDependencies, WithOnce, WithPlace
from app.api.problems import documented
from app.mailbox.intake import SIZE_LIMIT
from app.mailbox.states import MailState
from app.operations.mails import decisions
from app.operations.mails import mails as operations
from app.operations.mails.models import HandedIn, MailInFull, MailKindName, MailPage
from app.operations.models import Line
from app.operations.reconciliations.uploads import new_upload

router = APIRouter(prefix="/mails", tags=["mails"])

MailId = Annotated[UUID, Path(description="The mail's id.")]
_MESSAGES = {
    "requestBody": {
        "required": True,
        "description": "The raw message, or an mbox of several, up to 50 MiB.",
        "content": {
            media_type: {"schema": {"type": "string", "format": "binary"}}
            for media_type in ("message/rfc822", "application/mbox")
        },
    }
}


@router.get("")
async def list_mails(
    dependencies: WithDependencies,
    place: WithPlace,
    state: Annotated[MailState | None, Query(description="Only mails in this state.")] = None,
    order_no: Annotated[
        Line | None, Query(max_length=255, description="Only mails about this order.")
    ] = None,
    kind: Annotated[MailKindName | None, Query(description="Only mails of this kind.")] = None,
) -> MailPage:
    """List the mails that were read or handed in, the newest first."""
    return await operations.list_mails(
        dependencies.sessions, place, state=state, order_no=order_no, kind=kind
    )


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    openapi_extra=_MESSAGES,
    responses=documented(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.INSUFFICIENT_STORAGE),
)
async def hand_in_mails(
    dependencies: WithDependencies, actor: WithActor, request: Request
) -> HandedIn:
    """Hand in a message, or an mbox of several. A worker reads them within seconds.

    Each message is kept once, verbatim: handing it in again is harmless.
    """
    async with new_upload(dependencies.uploads, SIZE_LIMIT) as upload:
        upload.check_length(request.headers.get("content-length"))
        async for piece in request.stream():
            upload.write(piece)
        return await operations.hand_in(dependencies.sessions, upload.whole(), actor, "api")


@router.get("/{mail_id}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_mail(
    dependencies: WithDependencies, mail_id: MailId, shown_to: ShownTo
) -> MailInFull:
    """Show one mail. Its text and its bytes need `personal=true`."""
    return await operations.show_mail(dependencies.sessions, mail_id, shown_to=shown_to)


@router.post("/{mail_id}/heal", responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
async def heal_mail(
    dependencies: WithDependencies, actor: WithActor, once: WithOnce, mail_id: MailId
) -> MailInFull:
    """Make up for the lost call of a believed mail: a notice is made of it and judged.

    The real call that comes later is a duplicate. The review of the missing call ends.
    """
    return await decisions.heal_mail(
        dependencies.sessions, mail_id, actor, dependencies.decision_rules, once
    )


@router.post("/{mail_id}/dismiss", responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
async def dismiss_mail(
    dependencies: WithDependencies, actor: WithActor, once: WithOnce, mail_id: MailId
) -> MailInFull:
    """Say that nothing follows from a mail. The review of its missing call ends."""
    return await decisions.dismiss_mail(
        dependencies.sessions, mail_id, actor, dependencies.decision_rules, once
    )
