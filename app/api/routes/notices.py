"""Routes of notices (calls of Zeus), /v1/notices."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.api.dependencies import ShownTo, WithActor, WithDependencies, WithPlace
from app.api.problems import documented
from app.operations.attention import dismissal as dismissals
from app.operations.attention.dismissal import Dismissal
from app.operations.models import Line
from app.operations.notices import notices as operations
from app.operations.notices import release as releases
from app.operations.notices.notices import Notice, NoticeInFull, NoticePage, VerdictFilter
from app.operations.notices.release import NoticeRelease

router = APIRouter(prefix="/notices", tags=["notices"])


@router.get("")
async def list_notices(
    dependencies: WithDependencies,
    place: WithPlace,
    verdict: Annotated[
        VerdictFilter | None, Query(description="Only notices with this verdict.")
    ] = None,
    order_no: Annotated[
        Line | None, Query(max_length=255, description="Only notices of this order.")
    ] = None,
    attention: Annotated[
        bool,
        Query(description="Only quarantined and conflicting notices that nobody has dismissed."),
    ] = False,
) -> NoticePage:
    """List the calls of Zeus, the newest first."""
    return await operations.list_notices(
        dependencies.sessions, place, verdict=verdict, order_no=order_no, attention=attention
    )


@router.get("/{notice_id}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_notice(
    dependencies: WithDependencies, notice_id: UUID, shown_to: ShownTo
) -> NoticeInFull:
    """Show one call: its raw bytes and the values read from them."""
    return await operations.show_notice(dependencies.sessions, notice_id, shown_to=shown_to)


@router.post(
    "/{notice_id}/release", responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
)
async def release_notice(
    dependencies: WithDependencies,
    actor: WithActor,
    notice_id: UUID,
    release: NoticeRelease | None = None,
) -> Notice:
    """Release a call from quarantine. A worker judges it soon, with the corrected `parameters`.

    A call that would be quarantined again is not released.
    """
    return await releases.release_notice(
        dependencies.sessions, notice_id, actor, release, dependencies.decision_rules
    )


@router.post(
    "/{notice_id}/dismiss", responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
)
async def dismiss_notice(
    dependencies: WithDependencies, actor: WithActor, notice_id: UUID, dismissal: Dismissal
) -> Notice:
    """Remove a quarantined or conflicting call from the attention list. Its verdict stays."""
    return await dismissals.dismiss_notice(
        dependencies.sessions, notice_id, dismissal, actor, dependencies.decision_rules
    )
