"""Applications to look at: one, and the list."""

from uuid import UUID

from sqlalchemy import bindparam, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.applications.states import ApplicationState
from app.applications.table import ALIVE
from app.db.engine import Sessions
from app.db.errors import autocommitting
from app.db.snapshot import snapshot
from app.db.tables.applications import ApplicationRow
from app.db.tables.orders import OrderRow
from app.events.types import OrderState
from app.operations.access.audit import write_look
from app.operations.access.permissions import Actor
from app.operations.applications.errors import ApplicationNotFound
from app.operations.applications.models import Application, ApplicationPage
from app.operations.applications.views import SlipFacts, application_of
from app.operations.pagination import Place, read_page

_LATER = aliased(ApplicationRow)
_FACTS = (
    select(OrderRow.state)
    .where(OrderRow.order_no == ApplicationRow.order_no)
    .correlate(ApplicationRow)
    .scalar_subquery(),
    exists()
    .where(_LATER.replaces == ApplicationRow.id, _LATER.state.in_([s.value for s in ALIVE]))
    .correlate(ApplicationRow),
)
"""Columns of SlipFacts."""
_ONE = select(ApplicationRow, *_FACTS).where(ApplicationRow.id == bindparam("wanted"))


async def show_application(
    sessions: Sessions,
    application_id: UUID,
    *,
    shown_to: Actor | None = None,
    support: str | None = None,
) -> Application:
    """Return one application as it is now.

    With `shown_to`, include the customer and record that this actor saw it. `support` is the
    contact that messages name. Raise ApplicationNotFound or NotAllowed.
    """
    async with sessions.begin() if shown_to else autocommitting(sessions).begin() as session:
        found = (await session.execute(_ONE, {"wanted": application_id})).one_or_none()
        if found is None:
            raise ApplicationNotFound
        if shown_to is not None:
            await write_look(session, shown_to, f"application:{application_id}")
    row, *facts = found
    return application_of(row, _facts(*facts), personal=shown_to is not None, support=support)


async def list_applications(
    sessions: Sessions,
    place: Place,
    *,
    state: ApplicationState | None = None,
    sendid: str | None = None,
    order_no: str | None = None,
    test: bool | None = None,
    support: str | None = None,
) -> ApplicationPage:
    """Return the applications that match every given value, the newest first. Raise BadCursor.

    `test` True returns tests alone, False applications that are no tests.
    """
    # The most selective filter comes first: its index gives the page, the others filter rows.
    filters = (
        (ApplicationRow.order_no, order_no),
        (ApplicationRow.sendid, sendid),
        (ApplicationRow.state, state.value if state else None),
    )
    given = [(column, value) for column, value in filters if value is not None]
    query = select(ApplicationRow, *_FACTS).where(*(column == value for column, value in given[1:]))
    if test is not None:
        query = query.where(
            ApplicationRow.test.is_not(None) if test else ApplicationRow.test.is_(None)
        )
    if sendid is not None:
        query = query.where(ApplicationRow.sendid != "")  # as the index of sendids says
    if order_no is not None:
        query = query.where(ApplicationRow.order_no.is_not(None))
    async with snapshot(sessions) as session:
        rows, cursor, has_more = await read_page(
            session, query, ApplicationRow.id, place, newest_first=True, fixed=dict(given[:1])
        )
    return ApplicationPage(
        items=[application_of(row, _facts(*told), support=support) for row, *told in rows],
        next_cursor=cursor,
        has_more=has_more,
    )


async def facts_of(session: AsyncSession, row: ApplicationRow) -> SlipFacts:
    """Return what other rows say about this application."""
    query = select(*_FACTS).where(ApplicationRow.id == row.id)
    return _facts(*(await session.execute(query)).one())


def _facts(order_state: str | None, is_replaced: bool) -> SlipFacts:
    return SlipFacts(OrderState(order_state) if order_state else None, is_replaced)
