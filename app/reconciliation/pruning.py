"""Pruning of old reconciliations and their rows."""

from datetime import datetime, timedelta

from sqlalchemy import DateTime, bindparam, text

from app.db.engine import Sessions

BATCH = 20_000

_OLDEST = text("""
SELECT id FROM reconciliations
WHERE finished_at < coalesce(:at, now()) - CAST(:age AS interval) ORDER BY id LIMIT 1
""").bindparams(bindparam("at", type_=DateTime(timezone=True)))
_PRUNE_ROWS = text("""
WITH page AS MATERIALIZED (
  SELECT number FROM reconciliation_rows WHERE reconciliation_id = :id ORDER BY number LIMIT :limit
)
DELETE FROM reconciliation_rows
WHERE reconciliation_id = :id AND number = ANY (ARRAY (SELECT number FROM page))
RETURNING 1
""")
_PRUNE = text("DELETE FROM reconciliations WHERE id = :id")


async def prune_reconciliations(
    sessions: Sessions, age: timedelta, *, at: datetime | None = None, batch: int = BATCH
) -> int | None:
    """Delete the next rows of the oldest reconciliation that ended longer than `age` ago.

    One short transaction. The age counts back from `at`; None: from the database's clock. Return
    the number of deleted rows, or None if no reconciliation is that old.
    """
    async with sessions.begin() as session:
        oldest = await session.scalar(_OLDEST, {"age": age, "at": at})
        if oldest is None:
            return None
        gone = len((await session.execute(_PRUNE_ROWS, {"id": oldest, "limit": batch})).all())
        if gone < batch:
            await session.execute(_PRUNE, {"id": oldest})
    return gone
