"""Routes of rejected samples, /v1/rejected-samples: calls from unknown sources."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.api.dependencies import ShownTo, WithActor, WithDependencies, WithPlace
from app.api.problems import documented
from app.operations.attention import dismissal as dismissals
from app.operations.attention.dismissal import Dismissal
from app.operations.notices import rejected as operations
from app.operations.notices.notices import Notice
from app.operations.notices.rejected import RejectedSample, RejectedSampleInFull, RejectedSamplePage

router = APIRouter(prefix="/rejected-samples", tags=["rejected samples"])


@router.get("")
async def list_rejected_samples(
    dependencies: WithDependencies,
    place: WithPlace,
    attention: Annotated[
        bool, Query(description="Only samples that nobody has dismissed.")
    ] = False,
) -> RejectedSamplePage:
    """List calls that were answered 403 but look like calls of Zeus, the newest 100 at most."""
    return await operations.list_samples(dependencies.sessions, place, attention=attention)


@router.get("/{sample_id}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_rejected_sample(
    dependencies: WithDependencies, sample_id: UUID, shown_to: ShownTo
) -> RejectedSampleInFull:
    """Show one rejected call: its raw bytes and the values read from them."""
    return await operations.show_sample(dependencies.sessions, sample_id, shown_to=shown_to)


@router.post("/{sample_id}/release", responses=documented(HTTPStatus.NOT_FOUND))
async def release_rejected_sample(
    dependencies: WithDependencies, actor: WithActor, sample_id: UUID
) -> Notice:
    """Record a rejected call as a notice. A worker judges it like any other."""
    return await operations.release_sample(dependencies.sessions, sample_id, actor)


@router.post(
    "/{sample_id}/dismiss", responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
)
async def dismiss_rejected_sample(
    dependencies: WithDependencies, actor: WithActor, sample_id: UUID, dismissal: Dismissal
) -> RejectedSample:
    """Remove a rejected call from the attention list."""
    return await dismissals.dismiss_sample(dependencies.sessions, sample_id, dismissal, actor)
