"""/v1/recoveries: sending a subscriber again what it missed, as jobs with progress."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from app.api.dependencies import WithActor, WithDependencies, WithOnce, WithPlace
from app.api.problems import documented
from app.operations.subscribers import recovery as operations
from app.operations.subscribers.recovery import (
    Recovery,
    RecoveryJob,
    RecoveryJobPage,
    RecoveryRequest,
)

router = APIRouter(prefix="/recoveries", tags=["recoveries"])

RecoveryId = Annotated[UUID, Path(description="The recovery's id.")]


@router.get("")
async def list_recoveries(dependencies: WithDependencies, place: WithPlace) -> RecoveryJobPage:
    """All recoveries, the latest first."""
    return await operations.list_recoveries(dependencies.sessions, place)


@router.post("", responses=documented(HTTPStatus.NOT_FOUND))
async def start_recovery(
    dependencies: WithDependencies, actor: WithActor, once: WithOnce, request: RecoveryRequest
) -> Recovery:
    """Send a subscriber again what it missed in a span of time, or only count that. Workers do it; each webhook keeps its `webhook-id`."""
    return await operations.recover(dependencies.sessions, request, actor, once)


@router.get("/{recovery_id}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_recovery(dependencies: WithDependencies, recovery_id: RecoveryId) -> RecoveryJob:
    """One recovery and how far it is."""
    return await operations.show_recovery(dependencies.sessions, recovery_id)


@router.post(
    "/{recovery_id}/cancel", responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
)
async def cancel_recovery(
    dependencies: WithDependencies, actor: WithActor, recovery_id: RecoveryId
) -> RecoveryJob:
    """End a recovery. What has become due already is sent."""
    return await operations.cancel_recovery(dependencies.sessions, recovery_id, actor)
