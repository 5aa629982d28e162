"""Erasure of personal data of applications: old ones, or those of one order.

An application whose outcome is not known keeps its customer: staff need it to look into Zeus's
console.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import DateTime, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from app.applications.reviews import key_of
from app.applications.states import ApplicationState
from app.clock import uuid7_floor
from app.db.engine import Sessions
from app.order_life.reviews import Reason

BATCH = 1_000

_ABOUT = (Reason.APPLICATION_UNKNOWN, Reason.CALL_MISSING, Reason.VALUES_DIFFER)
_OPEN = f"('{ApplicationState.SENDING}', '{ApplicationState.UNKNOWN}')"
_IDS = bindparam("ids", type_=ARRAY(Uuid))

# An id holds the time of the process that applied, created_at that of the database: both are old.
_OLD = text(f"""
SELECT id FROM applications WHERE erased_at IS NULL AND id < :before AND created_at < :youngest
  AND state NOT IN {_OPEN}
ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
""").bindparams(bindparam("youngest", type_=DateTime(timezone=True)))  # noqa: S608
_OF_ORDER = text(f"""
SELECT id FROM applications WHERE erased_at IS NULL AND state NOT IN {_OPEN}
  AND (order_no = :order_no
    OR id IN (SELECT application_id FROM orders WHERE order_no = :order_no))
ORDER BY id FOR UPDATE
""")  # noqa: S608
# The form and the answer are kept byte by byte, so they go as a whole.
_ERASE = text("""
UPDATE applications SET customer = NULL, form = '', answer = NULL, erased_at = now()
WHERE id = ANY(:ids)
""").bindparams(_IDS)
_ERASE_NOTES = text("""
WITH about AS (SELECT id FROM reviews WHERE key = ANY (CAST(:keys AS text[]))),
notes AS (
  UPDATE review_notes SET text = '' WHERE text <> '' AND review_id IN (SELECT id FROM about))
UPDATE reviews SET note = '' WHERE note <> '' AND id IN (SELECT id FROM about)
""")


async def erase_old_applications(
    sessions: Sessions, age: timedelta, *, at: datetime | None = None
) -> int:
    """Erase the personal data of applications older than `age`, at most BATCH of them.

    Return how many. The age counts back from `at`; None: from the database's clock.
    """
    async with sessions.begin() as session:
        moment = at or (await session.execute(text("SELECT now()"))).scalar_one()
        youngest = moment - age
        found = await session.scalars(
            _OLD, {"before": uuid7_floor(youngest), "youngest": youngest, "limit": BATCH}
        )
        return await _erase(session, found.all())


async def erase_applications_of(session: AsyncSession, order_no: str) -> int:
    """Erase the personal data of the applications of this order. Return how many. Never commit."""
    found = await session.scalars(_OF_ORDER, {"order_no": order_no})
    return await _erase(session, found.all())


async def _erase(session: AsyncSession, ids: Sequence[UUID]) -> int:
    if ids:
        names = (f"{Reason.VALUES_DIFFER} application {one}" for one in ids)
        keys = [*names, *(key_of(reason, one) for one in ids for reason in _ABOUT)]
        await session.execute(_ERASE_NOTES, {"keys": keys})
        await session.execute(_ERASE, {"ids": ids})
    return len(ids)
