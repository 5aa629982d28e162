"""Routes of unwanted purchases, /v1/unwanted, by the merchant's sendid."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response

from app.api.dependencies import WithActor, WithDependencies
from app.api.problems import documented
from app.operations.models import Line
from app.operations.reviews import unwanted as operations
from app.operations.reviews.unwanted import Unwanted

router = APIRouter(prefix="/unwanted", tags=["orders"])

Sendid = Annotated[
    Line,
    Path(
        min_length=1,
        max_length=255,
        description="Your own number (sendid) of the purchase.",
        examples=["A-1001"],
    ),
]


@router.get("/{sendid:path}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_unwanted_sendid(dependencies: WithDependencies, sendid: Sendid) -> Unwanted:
    """Show the mark of a purchase that the merchant cancelled."""
    return await operations.show_unwanted_sendid(dependencies.sessions, sendid)


@router.put("/{sendid:path}")
async def mark_sendid_unwanted(
    dependencies: WithDependencies, sendid: Sendid, actor: WithActor
) -> Unwanted:
    """Mark a purchase as cancelled by the merchant, also before any call of it.

    A payment of any order with this sendid makes the review `unwanted_payment`.
    """
    return await operations.reject_sendid(
        dependencies.sessions, sendid, actor, dependencies.decision_rules
    )


@router.delete(
    "/{sendid:path}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=documented(HTTPStatus.NOT_FOUND),
)
async def unmark_sendid_unwanted(
    dependencies: WithDependencies, sendid: Sendid, actor: WithActor
) -> Response:
    """Remove the mark of a purchase. Reviews that it opened stay open."""
    await operations.want_sendid(dependencies.sessions, sendid, actor)
    return Response(status_code=HTTPStatus.NO_CONTENT)
