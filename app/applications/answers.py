"""Recording of answers. A call may have resolved the application before its answer came."""

from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from app.applications import table
from app.applications.linking import link_order
from app.applications.outcomes import SendOutcome
from app.applications.reviews import open_contradiction, settle_reviews
from app.applications.states import BY_ANSWER, ApplicationState
from app.db.engine import Sessions
from app.db.errors import autocommitting
from app.db.tables.applications import ApplicationRow

_OPEN = (ApplicationState.SENDING, ApplicationState.UNKNOWN)
_FROM_SLIP = ("pay_no1", "pay_no2", "pay_limit", "pay_url", "error_code")


async def record_outcome(
    sessions: Sessions, application_id: UUID, tries: int, outcome: SendOutcome
) -> ApplicationRow:
    """Record the outcome of the try number `tries`, and return the application as it is then.

    The outcome that a call brought before stays, and the answer is added to it.
    """
    async with autocommitting(sessions).begin() as session:
        row = await table.record_answer(
            session, application_id, tries, outcome.state.value, outcome.columns
        )
    row = row or await _record_late(sessions, application_id, tries, outcome)
    if row.state == ApplicationState.ACCEPTED and row.called_at is None:
        row = await link_order(sessions, row) or row
    return row


async def _record_late(
    sessions: Sessions, application_id: UUID, tries: int, outcome: SendOutcome
) -> ApplicationRow:
    """Record the outcome of an application that is not `sending` any more."""
    async with sessions.begin() as session:
        row = await table.find(session, application_id, locked=True)
        if row is None:
            raise LookupError("the application is gone")
        if row.tries != tries or row.answered_at is not None:
            return row
        if row.state in _OPEN and row.resolved_at is None:
            row = await _resolve(session, row, outcome)
        else:
            row = await _add(session, row, outcome)
    return row


async def _resolve(
    session: AsyncSession, row: ApplicationRow, outcome: SendOutcome
) -> ApplicationRow:
    values: dict[str, Any] = outcome.columns | {"state": outcome.state.value, "lost_after": None}
    if outcome.state is not ApplicationState.NOT_SENT:
        values["answered_at"] = func.clock_timestamp()
    if row.state == ApplicationState.UNKNOWN and outcome.state is not ApplicationState.UNKNOWN:
        values |= {"resolved_at": func.clock_timestamp(), "resolved_by": BY_ANSWER}
        values["asked_at"] = None  # from now on its call may be missing
        await settle_reviews(session, row.id)
    return await table.change(session, row.id, **values)


async def _add(session: AsyncSession, row: ApplicationRow, outcome: SendOutcome) -> ApplicationRow:
    """Add an answer to an application that a call or an operator has resolved.

    A slip of which Zeus tells outweighs an operator's word. Everything else that contradicts what
    is known opens a review.
    """
    values: dict[str, Any] = {
        "answer": outcome.answer,
        "answer_status": outcome.answer_status,
        "failure": outcome.failure,
        "answered_at": func.clock_timestamp(),
    }
    contradicts = (
        outcome.state in (ApplicationState.FAILED, ApplicationState.REJECTED)
        and row.state == ApplicationState.ACCEPTED
    ) or (
        outcome.order_no is not None
        and (row.order_no != outcome.order_no or row.state != outcome.state)
        and outcome.state is ApplicationState.ACCEPTED
    )
    if contradicts:
        await open_contradiction(session, row, outcome)
    has_slip = outcome.state is ApplicationState.ACCEPTED and row.called_at is None
    if has_slip and row.state != ApplicationState.ACCEPTED:
        values |= outcome.columns
        values |= {"state": outcome.state.value, "resolved_by": BY_ANSWER}
    elif not contradicts:
        told = {name: getattr(outcome, name) for name in _FROM_SLIP}
        values |= {name: text for name, text in told.items() if not getattr(row, name)}
        values["order_no"] = row.order_no or outcome.order_no
    return await table.change(session, row.id, **values)
