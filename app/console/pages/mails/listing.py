"""List of mails with filters by state, kind and order number, and the form for a file of mails."""

from http import HTTPStatus

from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.texts.flash import Flash
from app.console.texts.labels import _
from app.mailbox.states import MailState
from app.operations.access.permissions import ROLE_OF, Action
from app.operations.errors import BadCursor
from app.operations.mails import mails as operations
from app.operations.mails.models import MailKindName, MailPage
from app.operations.pagination import Place
from app.operations.typed_input import fold

_PAGE_SIZE = 25
_FIELDS = ("order_no", "state", "kind")


async def show(page_request: PageRequest) -> Response:
    """Show the mails that match, the newest first."""
    return await _show(page_request)


async def hand_in(page_request: PageRequest) -> Response:
    """Keep the messages of an uploaded file."""
    form = page_request.form
    assert form.file is not None  # noqa: S101 - the middleware reads it
    kept = await operations.hand_in(
        page_request.dependencies.sessions, form.file, page_request.actor, "console"
    )
    if kept.too_large:
        problem = _("Messages of more than 50 MiB were not kept.")
    elif not kept.messages:
        problem = _("The file has no message.")
    else:
        return page_request.go("/mails", Flash.MAILS_KEPT)
    return await _show(page_request, page_request.translated(problem))


async def _show(page_request: PageRequest, problem: str | None = None) -> Response:
    asked = {name: page_request.text(name) for name in _FIELDS}
    given = {name: value for name, value in asked.items() if value}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    found = MailPage(items=[], next_cursor=None, has_more=False)
    try:
        found = await operations.list_mails(
            page_request.dependencies.sessions,
            Place(page_request.text("cursor") or None, _PAGE_SIZE),
            state=MailState(asked["state"]) if asked["state"] else None,
            order_no=fold(asked["order_no"]) or None,
            kind=MailKindName(asked["kind"]) if asked["kind"] else None,
        )
    except (ValueError, BadCursor):
        problem = page_request.translated(_("These search values are invalid."))
    return page_request.page(
        "mails.html",
        status,
        asked=asked,
        given=given,
        found=found,
        problem=problem,
        states=list(MailState),
        kinds=list(MailKindName),
        may_act=page_request.may(ROLE_OF[Action.MAIL_HANDED_IN]),
    )
