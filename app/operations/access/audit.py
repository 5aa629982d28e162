"""Audit log: one entry for each action and each view of personal data.

An entry is written in the transaction of its action.
"""

from typing import Annotated, Any, cast
from uuid import UUID

from pydantic import Field
from sqlalchemy import Table, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import uuid7
from app.db.engine import Sessions
from app.db.tables.operators import AuditEntryRow
from app.logs import get_logger
from app.operations.access.permissions import Action, Actor, Role, Via
from app.operations.models import Moment, Page, Value
from app.operations.pagination import Place, read_page

_WRITE = insert(cast(Table, AuditEntryRow.__table__))

log = get_logger("audit")


class AuditEntry(Value):
    """One entry of the audit: operator, action, subject and time."""

    id: UUID
    at: Moment
    operator: Annotated[str, Field(examples=["suzuki"])]
    """Name of the token, or `admin-token`; on the command line the operating system's user."""
    role: Role
    via: Via
    action: Action
    subject: Annotated[str, Field(examples=["subscriber:shop"])]
    """Kind of the object of the action, and its name or id."""
    details: Annotated[dict[str, Any], Field(examples=[{"webhooks": 12}])]
    """Further facts, without personal values and secrets."""


class AuditPage(Page[AuditEntry]):
    """Entries, the newest first."""


async def write_entry(
    session: AsyncSession, actor: Actor, action: Action, subject: str, **details: Any
) -> None:
    """Add an entry to this transaction.

    Raise NotAllowed if the actor's role is too low for the action; this rolls the transaction back.
    """
    actor.demand(action)
    values = {
        "id": uuid7(),
        "operator": actor.name,
        "role": actor.role,
        "via": actor.via,
        "action": action,
        "subject": subject,
        "details": details,
    }
    await session.execute(_WRITE, values)
    log.info(
        "audited", operator=actor.name, via=actor.via.value, action=action.value, subject=subject
    )


async def write_look(session: AsyncSession, actor: Actor, subject: str) -> None:
    """Record that the actor saw the personal values of `subject`. Raise NotAllowed."""
    await write_entry(session, actor, Action.PERSONAL_DATA_SEEN, subject)


async def list_audit(
    sessions: Sessions,
    place: Place,
    *,
    operator: str | None = None,
    action: Action | None = None,
    subject: str | None = None,
) -> AuditPage:
    """Return entries, the newest first, filtered by the given values. Raise BadCursor."""
    # The most selective filter comes first: its index gives the page, the others filter rows.
    filters = (
        (AuditEntryRow.subject, subject),
        (AuditEntryRow.operator, operator),
        (AuditEntryRow.action, action),
    )
    given = [(column, value) for column, value in filters if value is not None]
    query = select(AuditEntryRow).where(*(column == value for column, value in given[1:]))
    async with sessions() as session:
        rows, cursor, has_more = await read_page(
            session, query, AuditEntryRow.id, place, newest_first=True, fixed=dict(given[:1])
        )
    return AuditPage(
        items=[_entry_of(row) for (row,) in rows], next_cursor=cursor, has_more=has_more
    )


def _entry_of(row: AuditEntryRow) -> AuditEntry:
    return AuditEntry.model_validate(
        {field: getattr(row, field) for field in AuditEntry.model_fields}
    )
