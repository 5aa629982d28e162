"""What needs a human: calls in quarantine and in conflict, rejected calls, webhooks that were given up, and paused subscribers."""

import re
from uuid import UUID

from pydantic import ValidationError
from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.texts.flash import Flash
from app.operations.access.permissions import ROLE_OF, Action
from app.operations.deliveries.webhooks import retry_outbound
from app.operations.errors import OperationError, WebhookNotFound
from app.operations.notices import rejected
from app.operations.reviews import dismissal as dismissals
from app.operations.reviews.attention import read_attention

_WEBHOOK_ID = re.compile("[0-9]{1,18}")  # what the database can count to


async def show(visit: PageRequest) -> Response:
    """All of it on one page, the latest of each kind."""
    attention = await read_attention(visit.dependencies.sessions)
    return visit.page(
        "attention.html", attention=attention, may_act=visit.may(ROLE_OF[Action.NOTICE_RELEASED])
    )


async def show_sample(visit: PageRequest) -> Response:
    """A rejected call with what is confidential hidden."""
    return await _show_sample(visit, personal=False)


async def show_sample_in_full(visit: PageRequest) -> Response:
    """A rejected call with everything, which the audit records."""
    return await _show_sample(visit, personal=True)


async def release_sample(visit: PageRequest) -> Response:
    """Take a rejected call in."""
    await rejected.release_sample(visit.dependencies.sessions, _sample_id(visit), visit.actor)
    return visit.go("/attention", Flash.SAMPLE_RELEASED)


async def dismiss_sample(visit: PageRequest) -> Response:
    """Take a rejected call out of what needs attention."""
    try:
        await dismissals.dismiss_sample(
            visit.dependencies.sessions,
            _sample_id(visit),
            dismissals.Dismissal(reason=visit.form.text("reason")),
            visit.actor,
        )
    except (OperationError, ValidationError) as refused:
        return visit.refused(refused)
    return visit.go("/attention", Flash.DISMISSED)


async def retry(visit: PageRequest) -> Response:
    """Send a webhook again."""
    try:
        await retry_outbound(visit.dependencies.sessions, _webhook_id(visit), visit.actor)
    except OperationError as refused:
        return visit.refused(refused)
    return visit.go(visit.here, Flash.RETRIED)


async def dismiss_webhook(visit: PageRequest) -> Response:
    """Take a webhook that was given up out of what needs attention."""
    try:
        await dismissals.dismiss_webhook(
            visit.dependencies.sessions,
            _webhook_id(visit),
            dismissals.Dismissal(reason=visit.form.text("reason")),
            visit.actor,
        )
    except (OperationError, ValidationError) as refused:
        return visit.refused(refused)
    return visit.go(visit.here, Flash.DISMISSED)


async def _show_sample(visit: PageRequest, *, personal: bool) -> Response:
    sample = await rejected.show_sample(
        visit.dependencies.sessions, _sample_id(visit), shown_to=visit.actor if personal else None
    )
    may_see = visit.may(ROLE_OF[Action.PERSONAL_DATA_SEEN])
    return visit.page(
        "sample.html",
        sample=sample,
        personal=personal,
        may_see=may_see,
        may_act=visit.may(ROLE_OF[Action.SAMPLE_RELEASED]),
    )


def _sample_id(visit: PageRequest) -> UUID:
    return UUID(visit.named("sample_id"))


def _webhook_id(visit: PageRequest) -> int:
    found = _WEBHOOK_ID.fullmatch(visit.named("webhook_id"))
    if found is None:
        raise WebhookNotFound
    return int(found[0])
