"""Resolutions of unknown applications by operators, who looked into Zeus's console."""

from uuid import UUID

from sqlalchemy import func, select

from app.applications import table
from app.applications.linking import link_order
from app.applications.reviews import settle_reviews
from app.applications.states import ApplicationState
from app.db.engine import Sessions
from app.db.tables.applications import ApplicationRow
from app.operations.access.audit import write_entry
from app.operations.access.permissions import Action, Actor
from app.operations.applications.applications import show_application
from app.operations.applications.errors import ApplicationNotFound, NotResolvable
from app.operations.applications.models import Application, ApplicationResolution
from app.operations.errors import NotAcceptable


async def resolve_application(
    sessions: Sessions,
    application_id: UUID,
    resolution: ApplicationResolution,
    actor: Actor,
    *,
    support: str | None = None,
) -> Application:
    """Resolve an unknown application: with the number of its order, or as failed.

    Its reviews are settled. Raise ApplicationNotFound, NotResolvable, NotAcceptable or NotAllowed.
    """
    if (resolution.order_no is None) == (resolution.outcome is None):
        raise NotAcceptable("order_no", "give either order_no or outcome")
    failed = resolution.outcome is not None
    state = ApplicationState.FAILED if failed else ApplicationState.ACCEPTED
    async with sessions.begin() as session:
        row = await table.find(session, application_id, locked=True)
        if row is None:
            raise ApplicationNotFound
        if row.state != ApplicationState.UNKNOWN:
            raise NotResolvable(row.state)
        if resolution.order_no is not None:
            taken = select(ApplicationRow.id).where(
                ApplicationRow.order_no == resolution.order_no, ApplicationRow.id != row.id
            )
            if await session.scalar(taken.limit(1)) is not None:
                raise NotAcceptable("order_no", "another application has this order number")
        row = await table.change(
            session,
            row.id,
            state=state.value,
            order_no=resolution.order_no,
            resolved_at=func.clock_timestamp(),
            resolved_by=actor.name,
            asked_at=None,  # from now on its call may be missing
        )
        await settle_reviews(session, row.id, actor.name)
        await write_entry(
            session,
            actor,
            Action.APPLICATION_RESOLVED,
            f"application:{row.id}",
            state=state.value,
            order_no=resolution.order_no,
        )
    await link_order(sessions, row)
    return await show_application(sessions, application_id, support=support)
