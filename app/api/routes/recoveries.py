"""Routes of recoveries, /v1/recoveries: jobs that resend what a subscriber missed."""

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
    """List all recoveries, the newest first."""
    return await operations.list_recoveries(dependencies.sessions, place)


@router.post("", responses=documented(HTTPStatus.NOT_FOUND))
async def start_recovery(
    dependencies: WithDependencies, actor: WithActor, once: WithOnce, request: RecoveryRequest
) -> Recovery:
    """Start to resend what a subscriber missed in a time range, or only count it.

    Workers resend. Each webhook keeps its `webhook-id`.
    """
    return await operations.recover(dependencies.sessions, request, actor, once)


@router.get("/{recovery_id}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_recovery(dependencies: WithDependencies, recovery_id: RecoveryId) -> RecoveryJob:
    """Show one recovery and its progress."""
    return await operations.show_recovery(dependencies.sessions, recovery_id)


@router.post(
    "/{recovery_id}/cancel", responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
)
async def cancel_recovery(
    dependencies: WithDependencies, actor: WithActor, recovery_id: RecoveryId
) -> RecoveryJob:
    """Cancel a recovery. Webhooks that it has already made due are still sent."""
    return await operations.cancel_recovery(dependencies.sessions, recovery_id, actor)
