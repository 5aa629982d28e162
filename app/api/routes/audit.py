"""/v1/audit: who did what."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.dependencies import WithDependencies, WithPlace
from app.operations.access import audit as operations
from app.operations.access.audit import AuditPage
from app.operations.access.permissions import Action
from app.operations.models import Line

router = APIRouter(prefix="/audit", tags=["audit"])


@router.get("")
async def list_audit(
    dependencies: WithDependencies,
    place: WithPlace,
    operator: Annotated[
        Line | None, Query(max_length=255, description="Only what this operator did.")
    ] = None,
    action: Annotated[Action | None, Query(description="Only actions of this kind.")] = None,
    subject: Annotated[
        Line | None,
        Query(max_length=300, description="Only what was done to this, such as `subscriber:shop`."),
    ] = None,
) -> AuditPage:
    """Every action and every look at personal values, the latest first."""
    return await operations.list_audit(
        dependencies.sessions, place, operator=operator, action=action, subject=subject
    )
