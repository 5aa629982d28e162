"""Route of the audit, /v1/audit."""

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
        Line | None, Query(max_length=255, description="Only entries of this operator.")
    ] = None,
    action: Annotated[Action | None, Query(description="Only entries of this action.")] = None,
    subject: Annotated[
        Line | None,
        Query(
            max_length=300, description="Only entries about this subject, e.g. `subscriber:shop`."
        ),
    ] = None,
) -> AuditPage:
    """List all actions and all views of personal data, the newest first."""
    return await operations.list_audit(
        dependencies.sessions, place, operator=operator, action=action, subject=subject
    )
