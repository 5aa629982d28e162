"""The audit: one entry for each action and each look at personal data, in the transaction of what it tells of."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import uuid7
from app.db.engine import Sessions
from app.db.tables.operators import AuditEntryRow
from app.logs import get_logger
from app.operations.access.permissions import Action, Actor, Role, Via
from app.operations.models import Moment, Page, Value
from app.operations.pagination import Place, read_page

log = get_logger("audit")


class AuditEntry(Value):
    """Who did what, to what, and when."""

    id: UUID
    at: Moment
    operator: Annotated[str, Field(examples=["suzuki"])]
    """The name of the token, `admin-token`, or on the command line that of the operating system's user."""
    role: Role
    via: Via
    action: Action
    subject: Annotated[str, Field(examples=["subscriber:shop"])]
    """The kind of what was acted on, and its name or id."""
    details: Annotated[dict[str, Any], Field(examples=[{"webhooks": 12}])]
    """What else matters; never personal values or secrets."""


class AuditPage(Page[AuditEntry]):
    """Entries, the latest first."""


async def write_entry(
    session: AsyncSession, actor: Actor, action: Action, subject: str, **details: Any
) -> None:
    """Add an entry to this transaction. Raises NotAllowed if the actor's role may not do this, which undoes the transaction."""
    actor.demand(action)
    row = AuditEntryRow(
        id=uuid7(),
        operator=actor.name,
        role=actor.role,
        via=actor.via,
        action=action,
        subject=subject,
        details=details,
    )
    session.add(row)
    await session.flush()
    log.info(
        "audited", operator=actor.name, via=actor.via.value, action=action.value, subject=subject
    )


async def write_look(session: AsyncSession, actor: Actor, subject: str) -> None:
    """Add an entry that the actor was shown the personal values of something. Raises NotAllowed."""
    await write_entry(session, actor, Action.PERSONAL_DATA_SEEN, subject)


async def list_audit(
    sessions: Sessions,
    place: Place,
    *,
    operator: str | None = None,
    action: Action | None = None,
    subject: str | None = None,
) -> AuditPage:
    """The entries of one operator, of one kind, of one subject, the latest first. Raises BadCursor."""
    # The rarest first: the page is read along its index, and what else is wanted is filtered.
    asked = (
        (AuditEntryRow.subject, subject),
        (AuditEntryRow.operator, operator),
        (AuditEntryRow.action, action),
    )
    wanted = [(column, value) for column, value in asked if value is not None]
    query = select(AuditEntryRow).where(*(column == value for column, value in wanted[1:]))
    async with sessions() as session:
        rows, cursor, has_more = await read_page(
            session, query, AuditEntryRow.id, place, newest_first=True, fixed=dict(wanted[:1])
        )
    return AuditPage(
        items=[_entry_of(row) for (row,) in rows], next_cursor=cursor, has_more=has_more
    )


def _entry_of(row: AuditEntryRow) -> AuditEntry:
    return AuditEntry.model_validate(
        {field: getattr(row, field) for field in AuditEntry.model_fields}
    )
