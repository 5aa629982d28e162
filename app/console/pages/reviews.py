"""Review page: the values that disagree, the calls, the notes, and the decision."""

from http import HTTPStatus
from uuid import UUID

from pydantic import ValidationError
from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.texts.flash import Flash
from app.console.texts.labels import _
from app.console.texts.review_texts import HAPPENED, REMEDY, choices
from app.console.views.review_values import values_of_review
from app.operations.access.permissions import ROLE_OF, Action
from app.operations.attention.cases import show_case
from app.operations.attention.settlement import settle_review
from app.operations.errors import NotFound, OperationError
from app.operations.reviews.models import NewReviewNote, ReviewSettlement
from app.operations.reviews.reviews import add_note


async def show(page_request: PageRequest) -> Response:
    """Show a review."""
    return await _show(page_request)


async def settle(page_request: PageRequest) -> Response:
    """Settle a review."""
    form, review_id = page_request.form, _id(page_request)
    try:
        decision = ReviewSettlement.model_validate(
            {"settlement": form.text("settlement"), "note": form.text("note") or None}
        )
        await settle_review(
            page_request.dependencies.sessions,
            review_id,
            decision,
            page_request.actor,
            page_request.dependencies.decision_rules,
        )
    except NotFound:
        raise
    except ValidationError:
        problem = _("Choose a decision. A note has at most 500 characters.")
        return await _show(
            page_request, HTTPStatus.UNPROCESSABLE_ENTITY, page_request.translated(problem)
        )
    except OperationError as error:
        return await _show(page_request, HTTPStatus.CONFLICT, page_request.reason(error))
    return page_request.go(f"/reviews/{review_id}", Flash.SETTLED)


async def note(page_request: PageRequest) -> Response:
    """Add a note to a review."""
    review_id = _id(page_request)
    try:
        await add_note(
            page_request.dependencies.sessions,
            review_id,
            NewReviewNote(text=page_request.form.text("text")),
            page_request.actor,
        )
    except ValidationError:
        problem = page_request.translated(_("A note has 1 to 500 characters."))
        return await _show(page_request, HTTPStatus.UNPROCESSABLE_ENTITY, problem)
    return page_request.go(f"/reviews/{review_id}", Flash.NOTED)


async def _show(
    page_request: PageRequest, status: int = HTTPStatus.OK, problem: str | None = None
) -> Response:
    case = await show_case(page_request.dependencies.sessions, _id(page_request))
    review = case.review
    return page_request.page(
        "review.html",
        status,
        case=case,
        review=review,
        values=values_of_review(review),
        happened=HAPPENED[review.reason],
        remedy=REMEDY[review.reason],
        choices=choices(review.reason, review.settlement, may_release=not case.to_correct),
        problem=problem,
        typed=page_request.form.text("note") or page_request.form.text("text"),
        may_act=page_request.may(ROLE_OF[Action.REVIEW_SETTLED]),
    )


def _id(page_request: PageRequest) -> UUID:
    return UUID(page_request.named("review_id"))
