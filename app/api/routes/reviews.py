"""Routes of reviews, /v1/reviews: list, show, settle, notes."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from app.api.dependencies import WithActor, WithDependencies, WithOnce, WithPlace
from app.api.problems import documented
from app.operations.attention import settlement as settlements
from app.operations.models import Line
from app.operations.reviews import reviews as operations
from app.operations.reviews.models import (
    NewReviewNote,
    ReviewInFull,
    ReviewPage,
    ReviewSettlement,
)
from app.order_life.reviews import Reason

router = APIRouter(prefix="/reviews", tags=["reviews"])

ReviewId = Annotated[UUID, Path(description="The review's id.")]


@router.get("")
async def list_reviews(
    dependencies: WithDependencies,
    place: WithPlace,
    is_open: Annotated[
        bool | None, Query(alias="open", description="true: only open ones; false: settled ones.")
    ] = None,
    reason: Annotated[Reason | None, Query(description="Only reviews with this reason.")] = None,
    order_no: Annotated[
        Line | None,
        Query(max_length=255, description="Only reviews of this order, alone or in a pair."),
    ] = None,
) -> ReviewPage:
    """List what humans must decide or have decided, the newest first."""
    return await operations.list_reviews(
        dependencies.sessions, place, reason=reason, is_open=is_open, order_no=order_no
    )


@router.get("/{review_id}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_review(dependencies: WithDependencies, review_id: ReviewId) -> ReviewInFull:
    """Show one review with its notes."""
    return await operations.show_review(dependencies.sessions, review_id)


@router.post("/{review_id}/settle", responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
async def settle_review(
    dependencies: WithDependencies,
    actor: WithActor,
    once: WithOnce,
    review_id: ReviewId,
    decision: ReviewSettlement,
) -> ReviewInFull:
    """Settle a review. Its order is released if nothing else holds it.

    A review that was settled with `hold` or `dismiss` can still be settled with `release`.
    """
    return await settlements.settle_review(
        dependencies.sessions, review_id, decision, actor, dependencies.decision_rules, once
    )


@router.post("/{review_id}/notes", responses=documented(HTTPStatus.NOT_FOUND))
async def add_review_note(
    dependencies: WithDependencies,
    actor: WithActor,
    once: WithOnce,
    review_id: ReviewId,
    note: NewReviewNote,
) -> ReviewInFull:
    """Add a note to a review, open or settled."""
    return await operations.add_note(dependencies.sessions, review_id, note, actor, once)
