"""Rejected samples as operators see them: calls from unknown sources that look like Zeus's."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.tables.notices import RejectedSampleRow
from app.operations.access.audit import write_entry, write_look
from app.operations.access.permissions import Action, Actor
from app.operations.errors import SampleNotFound
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
from app.operations.notices.notices import Notice, notice_of_id
from app.operations.pagination import Place, read_page
from app.recording.rejected import store as recording
from app.zeus.statuses import parse_status
from app.zeus.wire import Call, decode


class RejectedSample(Value):
    """One call that was answered 403."""

    id: UUID
    received_at: Moment
    method: Annotated[str, Field(examples=["GET"])]
    order_no: Annotated[str | None, Field(examples=["1234-56789-01234"])]
    """order_no of the call, which was not judged."""
    status: Annotated[str | None, Field(examples=["04"])]
    status_name: Annotated[str | None, Field(examples=["入金済"])]
    dismissed_at: Moment | None
    dismissal: str | None
    """Reason of the dismissal."""


class RejectedSampleInFull(RejectedSample):
    """One rejected call with its raw bytes.

    Personal values, source and path are `***` unless requested.
    """

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


class RejectedSamplePage(Page[RejectedSample]):
    """Rejected samples, the newest first. At most 100 are kept."""


async def list_samples(
    sessions: Sessions, place: Place, *, attention: bool = False
) -> RejectedSamplePage:
    """Return the samples, the newest first. Raise BadCursor.

    With `attention`, return only samples that nobody has dismissed.
    """
    async with sessions() as session:
        return await read_samples(session, place, attention=attention)


async def read_samples(
    session: AsyncSession, place: Place, *, attention: bool = False
) -> RejectedSamplePage:
    """Return the page of `list_samples` as part of a larger answer. Raise BadCursor."""
    query = select(RejectedSampleRow)
    if attention:
        query = query.where(RejectedSampleRow.dismissed_at.is_(None))
    rows, cursor, has_more = await read_page(
        session, query, RejectedSampleRow.id, place, newest_first=True
    )
    return RejectedSamplePage(
        items=[sample_of(row) for (row,) in rows], next_cursor=cursor, has_more=has_more
    )


async def show_sample(
    sessions: Sessions, sample_id: UUID, *, shown_to: Actor | None = None
) -> RejectedSampleInFull:
    """Return one sample with its raw bytes. Raise SampleNotFound or NotAllowed.

    With `shown_to`, mask nothing and record that this actor saw the personal values.
    """
    async with sessions.begin() as session:
        row = await session.get(RejectedSampleRow, sample_id)
        if row is None:
            raise SampleNotFound
        if shown_to is not None:
            await write_look(session, shown_to, f"sample:{sample_id}")
    return _in_full(row, personal=shown_to is not None)


async def release_sample(sessions: Sessions, sample_id: UUID, actor: Actor) -> Notice:
    """Record a sample as a notice, which is then judged. Raise SampleNotFound or NotAllowed."""
    async with sessions.begin() as session:
        try:
            notice_id = await recording.make_notice_of(session, sample_id)
        except recording.UnknownSample:
            raise SampleNotFound from None
        await write_entry(
            session, actor, Action.SAMPLE_RELEASED, f"sample:{sample_id}", notice_id=str(notice_id)
        )
        return await notice_of_id(session, notice_id)


def sample_of(row: RejectedSampleRow) -> RejectedSample:
    """Return the value of a row, without its raw bytes."""
    return RejectedSample(**_common(row, _call_of(row)))


def _in_full(row: RejectedSampleRow, *, personal: bool) -> RejectedSampleInFull:
    call = _call_of(row)
    return RejectedSampleInFull(
        **_common(row, call),
        source=str(row.source) if personal else MASK,
        target=escaped(row.target if personal else mask_target(row.target)),
        headers=escaped(row.headers if personal else mask_headers(row.headers)),
        body=escaped(row.body if personal else mask_form(row.body)),
        parameters=dict(call.values if personal else mask_parameters(call.values)),
        unknown=dict(call.unknown) if personal else mask_values(call.unknown),
    )


def _common(row: RejectedSampleRow, call: Call) -> dict[str, Any]:
    status = parse_status(call.meant.get("status"))
    return {
        "id": row.id,
        "received_at": row.received_at,
        "method": row.method,
        "order_no": call.order_no or None,
        "status": call.meant.get("status") or None,
        "status_name": status.japanese if status else None,
        "dismissed_at": row.dismissed_at,
        "dismissal": row.dismissal,
    }


def _call_of(row: RejectedSampleRow) -> Call:
    return decode(row.target.partition(b"?")[2], row.body)
