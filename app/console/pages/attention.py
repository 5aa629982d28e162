"""Attention page: calls, webhooks and subscribers that need an operator."""

import re
from uuid import UUID

from pydantic import ValidationError
from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.texts.flash import Flash
from app.operations.access.permissions import ROLE_OF, Action
from app.operations.attention import dismissal as dismissals
from app.operations.attention.attention import read_attention
from app.operations.deliveries.webhooks import retry_outbound
from app.operations.errors import OperationError, WebhookNotFound
from app.operations.notices import rejected

_WEBHOOK_ID = re.compile("[0-9]{1,18}")  # fits a bigint


async def show(page_request: PageRequest) -> Response:
    """Show the newest items of each kind."""
    attention = await read_attention(page_request.dependencies.sessions)
    return page_request.page(
        "attention.html",
        attention=attention,
        may_act=page_request.may(ROLE_OF[Action.NOTICE_RELEASED]),
    )


async def show_sample(page_request: PageRequest) -> Response:
    """Show a rejected call with masked values."""
    return await _show_sample(page_request, personal=False)


async def show_sample_in_full(page_request: PageRequest) -> Response:
    """Show a rejected call unmasked; the audit log records the view."""
    return await _show_sample(page_request, personal=True)


async def release_sample(page_request: PageRequest) -> Response:
    """Record a rejected call as a notice."""
    await rejected.release_sample(
        page_request.dependencies.sessions, _sample_id(page_request), page_request.actor
    )
    return page_request.go("/attention", Flash.SAMPLE_RELEASED)


async def dismiss_sample(page_request: PageRequest) -> Response:
    """Dismiss a rejected call."""
    try:
        await dismissals.dismiss_sample(
            page_request.dependencies.sessions,
            _sample_id(page_request),
            dismissals.Dismissal(reason=page_request.form.text("reason")),
            page_request.actor,
        )
    except (OperationError, ValidationError) as error:
        return page_request.action_failed(error)
    return page_request.go("/attention", Flash.DISMISSED)


async def retry(page_request: PageRequest) -> Response:
    """Retry a webhook."""
    try:
        await retry_outbound(
            page_request.dependencies.sessions, _webhook_id(page_request), page_request.actor
        )
    except OperationError as error:
        return page_request.action_failed(error)
    return page_request.go(page_request.here, Flash.RETRIED)


async def dismiss_webhook(page_request: PageRequest) -> Response:
    """Dismiss a dead webhook."""
    try:
        await dismissals.dismiss_webhook(
            page_request.dependencies.sessions,
            _webhook_id(page_request),
            dismissals.Dismissal(reason=page_request.form.text("reason")),
            page_request.actor,
        )
    except (OperationError, ValidationError) as error:
        return page_request.action_failed(error)
    return page_request.go(page_request.here, Flash.DISMISSED)


async def _show_sample(page_request: PageRequest, *, personal: bool) -> Response:
    sample = await rejected.show_sample(
        page_request.dependencies.sessions,
        _sample_id(page_request),
        shown_to=page_request.actor if personal else None,
    )
    may_see = page_request.may(ROLE_OF[Action.PERSONAL_DATA_SEEN])
    return page_request.page(
        "sample.html",
        sample=sample,
        personal=personal,
        may_see=may_see,
        may_act=page_request.may(ROLE_OF[Action.SAMPLE_RELEASED]),
    )


def _sample_id(page_request: PageRequest) -> UUID:
    return UUID(page_request.named("sample_id"))


def _webhook_id(page_request: PageRequest) -> int:
    found = _WEBHOOK_ID.fullmatch(page_request.named("webhook_id"))
    if found is None:
        raise WebhookNotFound
    return int(found[0])
