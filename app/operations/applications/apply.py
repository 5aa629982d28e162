"""Applying for a slip, as API, command line and console do."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.applications.apply import Applicant, ApplicationExists, KeyTaken, ReplacedUnknown
from app.applications.request import RequestFault, RequestFaulty, check_request
from app.db.engine import Sessions
from app.db.tables.applications import ApplicationRow
from app.operations.access.audit import write_entry
from app.operations.access.permissions import Action, Actor
from app.operations.applications.applications import show_application
from app.operations.applications.errors import (
    ApplicationsNotConfigured,
    RequestNotAcceptable,
    SlipExists,
)
from app.operations.applications.models import Application, NewApplication
from app.operations.errors import KeyReused

RETRY_SECONDS = 5
"""Time after which a caller asks again about an application that is on its way or was not sent."""


async def apply_for_slip(
    sessions: Sessions,
    applicant: Applicant | None,
    request: NewApplication,
    key: str,
    actor: Actor,
    *,
    support: str | None = None,
) -> Application:
    """Apply, and return the application with what came of it.

    The same key gives the same application, in its state of now, and never a second slip. Raise
    ApplicationsNotConfigured, RequestNotAcceptable, SlipExists, KeyReused or NotAllowed.
    """
    actor.demand(Action.APPLICATION_SENT)
    if applicant is None:
        raise ApplicationsNotConfigured

    async def audit(session: AsyncSession, row: ApplicationRow) -> None:
        subject = f"application:{row.id}"
        details = {"clientip": row.clientip, "money": row.money, "test": row.test}
        await write_entry(
            session, actor, Action.APPLICATION_SENT, subject, tries=row.tries, **details
        )

    try:
        checked = check_request(request.model_dump(exclude_unset=True), applicant.rules)
        row = await applicant.apply(checked, key, actor.name, audit)
    except RequestFaulty as faulty:
        raise RequestNotAcceptable(faulty.faults) from None
    except ReplacedUnknown:
        fault = RequestFault("/replaces", "unknown_application", "is the id of no application")
        raise RequestNotAcceptable([fault]) from None
    except ApplicationExists as exists:
        raise SlipExists(exists.application_id) from None
    except KeyTaken:
        raise KeyReused from None
    return await show_application(sessions, row.id, support=support)
