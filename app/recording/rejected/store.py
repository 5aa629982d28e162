"""Samples of rejected calls: list them, and release those that are Zeus's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import uuid7
from app.db.engine import Sessions
from app.db.notify import NOTICES
from app.db.tables.notices import RejectedSampleRow
from app.logs import get_logger
from app.recording.rejected.sampler import KEPT

# It arrives now: later calls were judged already, and the id sorts notices by arrival.
_RELEASE = text("""
WITH sample AS (DELETE FROM rejected_samples WHERE id = :id RETURNING *)
INSERT INTO notices (id, lane, received_at, source, method, target, headers, body)
SELECT :notice_id, lane, received_at, source, method, target, headers, body FROM sample
RETURNING id
""")

log = get_logger("samples")


class UnknownSample(Exception):
    """No sample has this id (any more)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A rejected call.

    `source` is confidential if it is Zeus's; `target`, `headers` and `body` hold personal data.
    """

    id: UUID
    received_at: datetime
    source: str
    method: str
    target: bytes
    headers: bytes
    body: bytes


async def list_samples(session: AsyncSession, limit: int = KEPT) -> Sequence[Sample]:
    """Return the samples, newest first."""
    rows = await session.scalars(
        select(RejectedSampleRow).order_by(RejectedSampleRow.id.desc()).limit(limit)
    )
    return [_sample(row) for row in rows]


async def release_sample(sessions: Sessions, sample_id: UUID) -> UUID:
    """Release a sample in a transaction of its own and return the notice's id.

    Raises SampleNotFound.
    """
    async with sessions.begin() as session:
        return await make_notice_of(session, sample_id)


async def make_notice_of(session: AsyncSession, sample_id: UUID) -> UUID:
    """Turn a sample into a notice to be judged like any other.

    Return its id. Raises SampleNotFound.
    """
    notice_id: UUID | None = await session.scalar(_RELEASE, {"id": sample_id, "notice_id": uuid7()})
    if notice_id is None:
        raise UnknownSample
    await session.execute(text(f"NOTIFY {NOTICES}"))
    log.info("sample_released", sample_id=str(sample_id), notice_id=str(notice_id))
    return notice_id


def _sample(row: RejectedSampleRow) -> Sample:
    return Sample(
        row.id, row.received_at, str(row.source), row.method, row.target, row.headers, row.body
    )
