"""Notices as operators see them: calls of Zeus with verdict and raw bytes."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import Select, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.db.tables.notices import AnswerRow, NoticeRow
from app.db.tables.orders import EventRow
from app.judging.quarantine import unreadable_reasons
from app.judging.verdicts import Verdict
from app.operations.access.audit import write_look
from app.operations.access.permissions import Actor
from app.operations.errors import NoticeNotFound
from app.operations.masking import (
    MASK,
    escaped,
    mask_form,
    mask_headers,
    mask_parameters,
    mask_target,
    mask_values,
)
from app.operations.models import Moment, Page, Value
from app.operations.notices import filters
from app.operations.pagination import Key, Place, page_of, read_page
from app.operations.typed_input import known_order_no
from app.zeus.statuses import parse_status
from app.zeus.wire import Call, decode


class VerdictFilter(StrEnum):
    """Filter of a list of notices: a verdict, or none yet."""

    ACCEPTED = Verdict.ACCEPTED
    DUPLICATE = Verdict.DUPLICATE
    CONFLICT = Verdict.CONFLICT
    QUARANTINED = Verdict.QUARANTINED
    UNJUDGED = "unjudged"


class Notice(Value):
    """One call from Zeus, with its verdict."""

    id: UUID
    received_at: Moment
    origin: Annotated[str, Field(examples=["call"])]
    """`call`; or `reconciliation`, if it stands for a call that never came."""
    method: Annotated[str, Field(examples=["GET"])]
    verdict: Verdict | None
    """None until the notice is judged."""
    reasons: Annotated[list[str], Field(examples=[["missing_order_no"]])]
    """Reasons for the quarantine or the conflict."""
    flags: Annotated[list[str], Field(examples=[["late"]])]
    """Oddities that did not prevent a verdict."""
    order_no: Annotated[str | None, Field(examples=["1234-56789-01234"])]
    status: Annotated[str | None, Field(examples=["04"])]
    status_name: Annotated[str | None, Field(examples=["入金済"])]
    """Name of the status in Zeus's console."""
    released: bool
    """True if an operator released the notice from quarantine."""
    judged_at: Moment | None
    dismissed_at: Moment | None
    """Time at which an operator dismissed the notice."""
    dismissal: str | None
    """Reason of the dismissal."""
    erased_at: Moment | None
    """Time at which the personal data and the raw bytes were erased."""


class NoticeInFull(Notice):
    """One call with its raw bytes. Personal values, source and path are `***` unless requested."""

    source: Annotated[str, Field(examples=[MASK])]
    target: Annotated[str, Field(examples=["***?order_no=1234-56789-01234&status=04"])]
    r"""Request target, byte for byte. Printable ASCII stays, `\` is doubled, the rest is `\xNN`."""
    headers: str
    """Header lines, escaped like `target`."""
    body: str
    """Body, escaped like `target`."""
    parameters: dict[str, str]
    """Known parameters with the values read from the call."""
    unknown: dict[str, str]
    """Other parameters of the call."""
    corrections: dict[str, str] | None
    """Values that an operator put in place of the call's; an empty one removes the parameter."""
    to_correct: Annotated[list[str], Field(examples=[["unknown_status"]])]
    """Faults of a quarantined call that a release must correct. Empty if it works without."""
    answered_at: Moment | None
    """Time at which the answer 200 was handed to the network; None if unknown."""
    event_ids: list[UUID]


class NoticePage(Page[Notice]):
    """Notices, the newest first."""


async def list_notices(
    sessions: Sessions,
    place: Place,
    *,
    verdict: VerdictFilter | None = None,
    order_no: str | None = None,
    attention: bool = False,
) -> NoticePage:
    """Return notices with this verdict and of this order, the newest first. Raise BadCursor.

    With `attention`, return only notices that need review.
    """
    async with snapshot(sessions) as session:
        return await read_notices(
            session, place, verdict=verdict, order_no=order_no, attention=attention
        )


async def read_notices(
    session: AsyncSession,
    place: Place,
    *,
    verdict: VerdictFilter | None = None,
    order_no: str | None = None,
    attention: bool = False,
) -> NoticePage:
    """Return the page of `list_notices` as part of a larger answer. Raise BadCursor."""
    if order_no is not None:
        order_no = await known_order_no(session, order_no)
    query = _filtered(select(NoticeRow), verdict, order_no, attention)
    ids = None if order_no is not None else await _ids(session, place, verdict, attention)
    if ids is None:
        rows, cursor, has_more = await read_page(
            session, query, NoticeRow.id, place, newest_first=True
        )
        return NoticePage(
            items=[notice_of(row) for (row,) in rows], next_cursor=cursor, has_more=has_more
        )
    page, cursor, has_more = page_of(ids, place)
    found = await session.scalars(
        select(NoticeRow).where(NoticeRow.id.in_(page)).order_by(NoticeRow.id.desc())
    )
    return NoticePage(
        items=[notice_of(row) for row in found], next_cursor=cursor, has_more=has_more
    )


async def show_notice(
    sessions: Sessions, notice_id: UUID, *, shown_to: Actor | None = None
) -> NoticeInFull:
    """Return one notice with its raw bytes. Raise NoticeNotFound or NotAllowed.

    With `shown_to`, mask nothing and record that this actor saw the personal values.
    """
    async with snapshot(sessions, audited=shown_to is not None) as session:
        notice = await _in_full(session, notice_id, personal=shown_to is not None)
        if shown_to is not None:
            await write_look(session, shown_to, f"notice:{notice_id}")
    return notice


async def notice_of_id(session: AsyncSession, notice_id: UUID) -> Notice:
    """Return one notice without its raw bytes. Raise NoticeNotFound."""
    row = await session.get(NoticeRow, notice_id)
    if row is None:
        raise NoticeNotFound
    return notice_of(row)


def notice_of(row: NoticeRow) -> Notice:
    """Return the value of a row, without its raw bytes."""
    return Notice(**_common(row))


def _common(row: NoticeRow) -> dict[str, Any]:
    status = parse_status(row.status)
    return {
        "id": row.id,
        "received_at": row.received_at,
        "origin": row.origin,
        "method": row.method,
        "verdict": row.verdict,
        "reasons": row.reasons,
        "flags": row.flags,
        "order_no": row.order_no,
        "status": row.status,
        "status_name": status.japanese if status else None,
        "released": row.released,
        "judged_at": row.judged_at,
        "dismissed_at": row.dismissed_at,
        "dismissal": row.dismissal,
        "erased_at": row.erased_at,
    }


async def _ids(
    session: AsyncSession, place: Place, verdict: VerdictFilter | None, attention: bool
) -> list[Key] | None:
    """Return the ids for the page from an index that holds just these notices.

    Return None if the primary key already gives them in order.
    """
    if verdict is VerdictFilter.UNJUDGED:
        return [] if attention else await filters.ids_of_unjudged(session, place)
    if verdict in (None, VerdictFilter.ACCEPTED):
        return (
            await filters.ids_of_attention(session, place)
            if attention and verdict is None
            else None
        )
    return await filters.ids_of_verdict(session, place, Verdict(verdict), attention=attention)


def _filtered(
    query: Select[Any], verdict: VerdictFilter | None, order_no: str | None, attention: bool
) -> Select[Any]:
    if verdict is VerdictFilter.UNJUDGED:
        query = query.where(NoticeRow.verdict.is_(None))
    elif verdict is not None:
        # A literal: Postgres uses no partial index for a condition with a parameter once it has a
        # generic plan.
        query = query.where(NoticeRow.verdict == literal(verdict.value, literal_execute=True))
    if order_no is not None:
        query = query.where(NoticeRow.order_no == order_no)
    return query.where(filters.ATTENTION) if attention else query


async def _in_full(session: AsyncSession, notice_id: UUID, *, personal: bool) -> NoticeInFull:
    row = await session.get(NoticeRow, notice_id)
    if row is None:
        raise NoticeNotFound
    answered_at = await session.scalar(
        select(AnswerRow.answered_at).where(AnswerRow.notice_id == notice_id)
    )
    event_ids = await session.scalars(
        select(EventRow.id).where(EventRow.notice_id == notice_id).order_by(EventRow.sequence)
    )
    call = call_of(row)
    return NoticeInFull(
        **_common(row),
        source=str(row.source) if personal else MASK,
        target=escaped(row.target if personal else mask_target(row.target)),
        headers=escaped(row.headers if personal else mask_headers(row.headers)),
        body=escaped(row.body if personal else mask_form(row.body)),
        parameters=dict(call.values if personal else mask_parameters(call.values)),
        unknown=dict(call.unknown) if personal else mask_values(call.unknown),
        corrections=_corrections(row, personal=personal),
        to_correct=list(faults_of_row(row)),
        answered_at=answered_at,
        event_ids=list(event_ids),
    )


def _corrections(row: NoticeRow, *, personal: bool) -> dict[str, str] | None:
    if row.corrections is None:
        return None
    return dict(row.corrections if personal else mask_parameters(row.corrections))


def call_of(row: NoticeRow) -> Call:
    """Return the call read from the raw bytes or, once they are erased, from kept parameters."""
    if row.erased_at is not None:
        return Call(row.parameters or {}, {}, (), ())
    return decode(row.target.partition(b"?")[2], row.body)


def faults_of_row(row: NoticeRow) -> tuple[str, ...]:
    """Return the faults of a quarantined notice that a release must correct."""
    return faults_of(call_of(row)) if row.verdict == Verdict.QUARANTINED else ()


def faults_of(call: Call) -> tuple[str, ...]:
    """Return the reasons for which a released call would be quarantined again.

    If order_no or status occurs twice with different values, judging would have to guess.
    """
    ambiguous = [
        problem
        for problem in call.problems
        if problem in ("repeated_key:order_no", "repeated_key:status")
    ]
    return (*ambiguous, *unreadable_reasons(call))
