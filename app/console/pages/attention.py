"""Attention page: calls, webhooks and subscribers that need an operator."""

import re
from collections.abc import Mapping
from uuid import UUID

from pydantic import ValidationError
from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.texts.flash import Flash
from app.console.texts.labels import _
from app.console.views.review_values import values_of_review
from app.operations.access.permissions import ROLE_OF, Action
from app.operations.attention import dismissal as dismissals
from app.operations.attention.cases import list_cases
from app.operations.deliveries.webhooks import retry_outbound
from app.operations.errors import BadCursor, OperationError, WebhookNotFound
from app.operations.notices import rejected
from app.operations.pagination import Place
from app.operations.reviews.filters import ReviewFilter
from app.order_life.reviews import Reason

_PAGE_SIZE = 50
_ORDER_NO_LIMIT = 255
_OPEN = ReviewFilter(open=True)
_STATES: Mapping[str, bool | None] = {"open": True, "settled": False, "all": None}
_WEBHOOK_ID = re.compile("[0-9]{1,18}")  # fits a bigint


async def show(page_request: PageRequest) -> Response:
    """Show reviews by reason, state and order; without a filter, also everything else."""
    asked = {name: page_request.text(name) for name in ("state", "reason", "order_no")}
    given = {name: value for name, value in asked.items() if value}
    problem, cursor = None, page_request.text("cursor") or None
    try:
        wanted = review_filter(asked)
    except ValueError:
        problem, wanted = page_request.translated(_("These search values are invalid.")), _OPEN
    sessions = page_request.dependencies.sessions
    try:
        page, attention = await list_cases(sessions, Place(cursor, _PAGE_SIZE), wanted)
    except BadCursor:
        problem = page_request.translated(_("These search values are invalid."))
        page, attention = await list_cases(sessions, Place(None, _PAGE_SIZE), wanted)
    return page_request.page(
        "attention.html",
        attention=attention,
        found=page,
        values={review.id: values_of_review(review) for review in page.items},
        asked=asked,
        given=given,
        problem=problem,
        reasons=list(Reason),
        alone=bool(given or cursor),
        may_act=page_request.may(ROLE_OF[Action.NOTICE_RELEASED]),
    )


def review_filter(asked: Mapping[str, str]) -> ReviewFilter:
    """Return the filter of the page's address. Raise ValueError."""
    reason = Reason(asked["reason"]) if asked["reason"] else None
    order_no = asked["order_no"] or None
    if order_no is not None and len(order_no) > _ORDER_NO_LIMIT:
        raise ValueError
    state = asked["state"] or "open"
    if state not in _STATES:
        raise ValueError
    return ReviewFilter(reason, _STATES[state], order_no)


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
