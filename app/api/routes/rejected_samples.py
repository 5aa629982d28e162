"""/v1/rejected-samples: calls from strangers that look like Zeus's."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.api.dependencies import ShownTo, WithActor, WithDependencies, WithPlace
from app.api.problems import documented
from app.operations.notices import rejected as operations
from app.operations.notices.notices import Notice
from app.operations.notices.rejected import RejectedSample, RejectedSampleInFull, RejectedSamplePage
from app.operations.reviews import dismissal as dismissals
from app.operations.reviews.dismissal import Dismissal

router = APIRouter(prefix="/rejected-samples", tags=["rejected samples"])


@router.get("")
async def list_rejected_samples(
    dependencies: WithDependencies,
    place: WithPlace,
    attention: Annotated[
        bool, Query(description="Only samples that nobody has dismissed.")
    ] = False,
) -> RejectedSamplePage:
    """Calls that were answered 403 and look like Zeus's, the latest first; no more than 100 are kept."""
    return await operations.list_samples(dependencies.sessions, place, attention=attention)


@router.get("/{sample_id}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_rejected_sample(
    dependencies: WithDependencies, sample_id: UUID, shown_to: ShownTo
) -> RejectedSampleInFull:
    """One rejected call with its raw bytes and how they read."""
    return await operations.show_sample(dependencies.sessions, sample_id, shown_to=shown_to)


@router.post("/{sample_id}/release", responses=documented(HTTPStatus.NOT_FOUND))
async def release_rejected_sample(
    dependencies: WithDependencies, actor: WithActor, sample_id: UUID
) -> Notice:
    """Make a notice of a rejected call, to be judged like any other."""
    return await operations.release_sample(dependencies.sessions, sample_id, actor)


@router.post(
    "/{sample_id}/dismiss", responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
)
async def dismiss_rejected_sample(
    dependencies: WithDependencies, actor: WithActor, sample_id: UUID, dismissal: Dismissal
) -> RejectedSample:
    """Take a rejected call out of what needs attention."""
    return await dismissals.dismiss_sample(dependencies.sessions, sample_id, dismissal, actor)
