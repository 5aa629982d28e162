"""Page of one mail: what it says, what became of it and why, and what an operator can do."""

from uuid import UUID

from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.texts.flash import Flash
from app.console.texts.mail_labels import REMEDIES
from app.operations.access.permissions import ROLE_OF, Action
from app.operations.errors import OperationError
from app.operations.mails import mails as operations
from app.operations.mails.decisions import DISMISSIBLE, HEALABLE, dismiss_mail, heal_mail


async def show(page_request: PageRequest) -> Response:
    """Show a mail without personal values."""
    return await _show(page_request)


async def show_personal(page_request: PageRequest) -> Response:
    """Show a mail with its text and bytes; the audit log records the view."""
    return await _show(page_request, personal=True)


async def heal(page_request: PageRequest) -> Response:
    """Make up for the lost call of a mail."""
    dependencies, mail_id = page_request.dependencies, _id(page_request)
    try:
        await heal_mail(
            dependencies.sessions, mail_id, page_request.actor, dependencies.decision_rules
        )
    except OperationError as error:
        return page_request.action_failed(error)
    return page_request.go(f"/mails/{mail_id}", Flash.HEALED)


async def dismiss(page_request: PageRequest) -> Response:
    """Say that nothing follows from a mail."""
    dependencies, mail_id = page_request.dependencies, _id(page_request)
    try:
        await dismiss_mail(
            dependencies.sessions, mail_id, page_request.actor, dependencies.decision_rules
        )
    except OperationError as error:
        return page_request.action_failed(error)
    return page_request.go(f"/mails/{mail_id}", Flash.DISMISSED)


async def _show(page_request: PageRequest, *, personal: bool = False) -> Response:
    mail = await operations.show_mail(
        page_request.dependencies.sessions,
        _id(page_request),
        shown_to=page_request.actor if personal else None,
    )
    why, _, details = (mail.belief or "").partition(": ")
    may_act = page_request.may(ROLE_OF[Action.MAIL_HEALED])
    return page_request.page(
        "mail.html",
        mail=mail,
        why=why,
        why_details=details,
        remedy=None if mail.believed else REMEDIES.get(why),
        personal=personal,
        may_see=page_request.may(ROLE_OF[Action.PERSONAL_DATA_SEEN]),
        may_heal=may_act and mail.state in HEALABLE,
        may_dismiss=may_act and mail.state in DISMISSIBLE and mail.settled_at is None,
    )


def _id(page_request: PageRequest) -> UUID:
    return UUID(page_request.named("mail_id"))
