"""Erasure of personal data: of old notices, or of one order. Verdicts and their grounds stay.

Deduplication compares order, status, money, contract, slip and deadline; none of these is erased.
Signatures are made when a webhook is sent, so an event without its customer is signed like any
other.
"""

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy import Boolean, DateTime, TextClause, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from app.clock import uuid7_floor
from app.db.engine import Sessions
from app.operations.access.audit import write_entry
from app.operations.access.permissions import Action, Actor
from app.operations.errors import OrderNotFound
from app.operations.maintenance.application_erasure import erase_applications_of
from app.operations.maintenance.mail_erasure import erase_mails_of
from app.operations.models import Value
from app.zeus.canonical import canonical
from app.zeus.parameters import PERSONAL
from app.zeus.wire import decode

BATCH = 1_000
_NOTHING = UUID(int=0)

_IDS = bindparam("ids", type_=ARRAY(Uuid))

# The raw bytes repeat every parameter, so all of them go. The reason of a dismissal is free text.
_ERASE_NOTICES = text("""
UPDATE notices SET target = '', headers = '', body = '',
  parameters = parameters - CAST(:personal AS text[]),
  corrections = corrections - CAST(:personal AS text[]), erased_at = now(),
  dismissal = left(dismissal, 0)
WHERE id = ANY(:ids) AND erased_at IS NULL
""").bindparams(_IDS)

# Notes are free text, too. A review without a notice loses them with the last call of its order.
# Open reviews keep theirs until somebody has decided, unless an administrator erases the order.
_ERASE_REVIEWS = text("""
WITH about AS MATERIALIZED (
  SELECT id FROM reviews
  WHERE notice_id = ANY(:ids) AND (settled_at IS NOT NULL OR :open_too)
  UNION ALL
  SELECT id FROM reviews
  WHERE order_no = ANY(ARRAY(SELECT order_no FROM notices WHERE id = ANY(:ids)))
    AND notice_id IS NULL AND (settled_at IS NOT NULL OR :open_too) AND NOT EXISTS (
      SELECT 1 FROM notices WHERE notices.order_no = reviews.order_no AND erased_at IS NULL
        AND NOT notices.id = ANY(:ids))
), notes AS (
  UPDATE review_notes SET text = ''
  WHERE text <> '' AND review_id = ANY(ARRAY(SELECT id FROM about))
)
UPDATE reviews SET note = '' WHERE note <> '' AND id = ANY(ARRAY(SELECT id FROM about))
""").bindparams(_IDS, bindparam("open_too", type_=Boolean))

_ERASE_WEBHOOKS = text("""
UPDATE outbound_webhooks SET dismissal = ''
WHERE dismissal <> ''
  AND event_id = ANY(ARRAY(SELECT events.id FROM events WHERE notice_id = ANY(:ids)))
""").bindparams(_IDS)

_ERASE_EVENTS = text(
    "UPDATE events SET customer = NULL WHERE notice_id = ANY(:ids) AND customer IS NOT NULL"
).bindparams(_IDS)

# The last digits of the telephone number go when every call of the order is erased. The rows are
# locked in the sequence that judging uses.
_ERASE_TAILS = text("""
WITH erased AS MATERIALIZED (
  SELECT order_no FROM orders
  WHERE order_no = ANY(ARRAY(SELECT order_no FROM notices WHERE id = ANY(:ids)))
    AND telno_tail IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM notices WHERE notices.order_no = orders.order_no AND erased_at IS NULL)
  ORDER BY order_no FOR UPDATE
)
UPDATE orders SET telno_tail = NULL WHERE order_no = ANY(ARRAY(SELECT order_no FROM erased))
""").bindparams(_IDS)

# A subscriber's answer may repeat personal data of the webhook.
_ERASE_EXCERPTS = text("""
UPDATE attempts SET excerpt = NULL
WHERE excerpt IS NOT NULL AND outbound_webhook_id = ANY(ARRAY(
  SELECT outbound_webhooks.id FROM outbound_webhooks
  WHERE event_id = ANY(ARRAY(SELECT events.id FROM events WHERE notice_id = ANY(:ids)))
))
""").bindparams(_IDS)

# An id holds the time of a receiver's clock, judged_at that of the database: both must be old. The
# page ends at a notice that is not judged yet, or was judged too recently; a later pass erases it.
# Notices that need review are skipped.
_PAGE = text("""
SELECT id, coalesce(judged_at >= :youngest, true) AS young,
  coalesce(verdict IN ('quarantined', 'conflict') AND dismissed_at IS NULL, false) AS open
FROM notices WHERE id > :after AND id < :before ORDER BY id LIMIT :limit
""").bindparams(bindparam("youngest", type_=DateTime(timezone=True)))

_READ_MARK = text("SELECT position FROM housekeeping_marks WHERE name = 'personal_data' FOR UPDATE")
_WRITE_MARK = text("""
INSERT INTO housekeeping_marks (name, position) VALUES ('personal_data', :position)
ON CONFLICT (name) DO UPDATE SET position = excluded.position, updated_at = now()
""")
_MOVE_MARK_BACK = text("""
UPDATE housekeeping_marks SET position = CAST(:before AS text)
WHERE name = 'personal_data' AND CAST(position AS uuid) > CAST(CAST(:before AS text) AS uuid)
""")

_LAST_OF_ORDER = text(
    "SELECT id FROM notices WHERE order_no = :order_no ORDER BY order_no DESC, id DESC LIMIT 1"
)
_OF_ORDER = text("SELECT id FROM notices WHERE order_no = :order_no")
_UNJUDGED = text("SELECT id, target, body FROM notices WHERE verdict IS NULL")
_SAMPLES = text("SELECT id, target, body FROM rejected_samples")
_DROP_SAMPLES = text("DELETE FROM rejected_samples WHERE id = ANY(:ids)").bindparams(_IDS)
_DROP_OLD_SAMPLES = text(
    "DELETE FROM rejected_samples WHERE id < :before AND dismissed_at IS NOT NULL"
)


class Erased(Value):
    """Result of an erasure."""

    notices: Annotated[int, Field(examples=[4])]
    """Calls whose personal data was erased."""
    samples: Annotated[int, Field(examples=[0])]
    """Rejected samples that were deleted."""
    applications: Annotated[int, Field(examples=[1])] = 0
    """Applications whose customer, form and answer were erased."""
    mails: Annotated[int, Field(examples=[3])] = 0
    """Mails whose message and telephone number were erased."""
    unjudged: Annotated[int, Field(examples=[0])]
    """Calls of the order that stay because they are not judged yet. Repeat the erasure soon."""


async def erase_order(sessions: Sessions, actor: Actor, order_no: str) -> Erased:
    """Erase the personal data of one order: calls, events, subscribers' answers, rejected samples.

    Raise OrderNotFound if there is nothing of the order, NotAllowed if the role is too low.
    """
    async with sessions.begin() as session:
        ids = list((await session.scalars(_OF_ORDER, {"order_no": order_no})).all())
        unjudged = await _about(session, _UNJUDGED, order_no)
        samples = await _about(session, _SAMPLES, order_no)
        applications = await erase_applications_of(session, order_no)
        mails = await erase_mails_of(session, order_no)
        if not any((ids, unjudged, samples, applications, mails)):
            raise OrderNotFound
        await _erase(session, ids, open_too=True)
        await session.execute(_DROP_SAMPLES, {"ids": samples})
        await write_entry(
            session,
            actor,
            Action.ORDER_ERASED,
            f"order:{order_no}",
            notices=len(ids),
            samples=len(samples),
            applications=applications,
            mails=mails,
        )
    return Erased(
        notices=len(ids),
        samples=len(samples),
        applications=applications,
        mails=mails,
        unjudged=len(unjudged),
    )


async def erase_old(
    sessions: Sessions, age: timedelta, *, batch: int = BATCH, at: datetime | None = None
) -> int:
    """Erase the personal data of the next `batch` notices that are older than `age`.

    Return the number of examined notices, 0 at the end. The age counts back from `at`; None: from
    the database's clock. Notices and samples that need review stay. Each batch is a transaction of
    its own with row locks only. The next call continues where this one stopped.
    """
    async with sessions.begin() as session:
        youngest = (at or (await session.execute(select(func.now()))).scalar_one()) - age
        before = uuid7_floor(youngest)
        after = UUID(await session.scalar(_READ_MARK) or str(_NOTHING))
        page = (
            await session.execute(
                _PAGE, {"after": after, "before": before, "youngest": youngest, "limit": batch}
            )
        ).all()
        passed = list(itertools.takewhile(lambda row: not row.young, page))
        if passed:
            await _erase(session, [row.id for row in passed if not row.open])
            await session.execute(_WRITE_MARK, {"position": str(passed[-1].id)})
        await session.execute(_DROP_OLD_SAMPLES, {"before": before})
    return len(passed)


async def look_again(session: AsyncSession, notice_id: UUID) -> None:
    """Let the next pass examine a notice again that was skipped while it needed review."""
    await session.execute(_MOVE_MARK_BACK, {"before": str(UUID(int=notice_id.int - 1))})


async def look_again_at_review(
    session: AsyncSession, notice_id: UUID | None, order_no: str | None
) -> None:
    """Let the next pass examine the notice of a review again, or the last one of its order."""
    if notice_id is None:
        notice_id = await session.scalar(_LAST_OF_ORDER, {"order_no": order_no})
    if notice_id is not None:
        await look_again(session, notice_id)


async def _erase(session: AsyncSession, ids: Sequence[UUID], *, open_too: bool = False) -> None:
    """Erase what is personal about these notices, in the order of locks that settlements use."""
    await session.execute(_ERASE_REVIEWS, {"ids": ids, "open_too": open_too})
    await session.execute(_ERASE_NOTICES, {"ids": ids, "personal": sorted(PERSONAL)})
    await session.execute(_ERASE_EXCERPTS, {"ids": ids})
    await session.execute(_ERASE_WEBHOOKS, {"ids": ids})
    await session.execute(_ERASE_EVENTS, {"ids": ids})
    await session.execute(_ERASE_TAILS, {"ids": ids})


async def _about(session: AsyncSession, query: TextClause, order_no: str) -> list[UUID]:
    """Return the ids of the rows whose raw call names the order."""
    rows = (await session.execute(query)).all()
    plain = canonical("order_no", order_no)
    return [
        row.id for row in rows if decode(row.target.partition(b"?")[2], row.body).order_no == plain
    ]
