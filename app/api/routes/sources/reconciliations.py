"""Routes of reconciliations, /v1/reconciliations: files of Zeus's console against our orders."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from app.api.dependencies import WithActor, WithDependencies, WithPlace
from app.api.problems import documented
from app.operations.models import Line
from app.operations.reconciliations import reconciliations as operations
from app.operations.reconciliations.models import (
    Reconciliation,
    ReconciliationInFull,
    ReconciliationPage,
)
from app.operations.reconciliations.uploads import new_upload
from app.reconciliation.comparison import Outcome

router = APIRouter(prefix="/reconciliations", tags=["reconciliations"])

ReconciliationId = Annotated[UUID, Path(description="The reconciliation's id.")]
_FILE = {
    "requestBody": {
        "required": True,
        "description": "The exported file: CSV or TSV, in Shift_JIS or UTF-8, up to 256 MiB.",
        "content": {
            media_type: {"schema": {"type": "string", "format": "binary"}}
            for media_type in ("text/csv", "application/octet-stream")
        },
    }
}


def _heading(field: str) -> object:
    return Query(
        max_length=200, description=f"Heading of the column with the {field}, if it is not found."
    )


@router.get("")
async def list_reconciliations(
    dependencies: WithDependencies, place: WithPlace
) -> ReconciliationPage:
    """List all reconciliations, the newest first."""
    return await operations.list_reconciliations(dependencies.sessions, place)


@router.post("", openapi_extra=_FILE, responses=documented(HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
async def start_reconciliation(
    dependencies: WithDependencies,
    actor: WithActor,
    request: Request,
    heal: Annotated[
        bool, Query(description="Make notices of what is lacking here, which are then judged.")
    ] = False,
    order_no: Annotated[Line | None, _heading("order number")] = None,
    status: Annotated[Line | None, _heading("status")] = None,
    money: Annotated[Line | None, _heading("amount")] = None,
) -> Reconciliation:
    """Compare an exported file of Zeus's console with the orders. Workers compare.

    The file is read to its end before anything is stored. A fault is answered 422 and names the
    line and the column.
    """
    given = {"order_no": order_no, "status": status, "money": money}
    async with new_upload(dependencies.uploads) as upload:
        upload.check_length(request.headers.get("content-length"))
        async for piece in request.stream():
            upload.write(piece)
        return await operations.start_reconciliation(
            dependencies.sessions,
            upload.whole(),
            actor,
            heal=heal,
            columns={name: heading for name, heading in given.items() if heading is not None},
        )


@router.get("/{reconciliation_id}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_reconciliation(
    dependencies: WithDependencies,
    place: WithPlace,
    reconciliation_id: ReconciliationId,
    outcome: Annotated[
        Outcome | None,
        Query(description="Only orders with this outcome. Without it, all that do not agree."),
    ] = None,
) -> ReconciliationInFull:
    """Show a reconciliation: its progress, its counts, and the outcomes of orders."""
    return await operations.show_reconciliation(
        dependencies.sessions, reconciliation_id, place, outcome
    )
