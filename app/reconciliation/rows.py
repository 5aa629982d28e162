"""SQL of reconciliations: rows of a file, the orders that they name, and outcomes."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.driver.direct import Statements
from app.db.notify import NOTICES
from app.db.tables.notices import NoticeRow
from app.reconciliation.comparison import Outcome

# Two workers never work on the same file: the row stays locked until their batch is committed.
_UNFINISHED = text("SELECT FROM reconciliations WHERE state <> 'done' LIMIT 1")
_TAKE = text("""
SELECT * FROM reconciliations
WHERE state <> 'done' AND (CAST(:id AS uuid) IS NULL OR id = CAST(:id AS uuid))
ORDER BY advanced_at LIMIT 1 FOR UPDATE SKIP LOCKED
""")

# What was healed by an earlier file and is not judged yet, or needs a review, is not healed again.
# An order that a file made says nothing about the time of the next file.
_PAGE = text(f"""
SELECT page.number, page.line, page.order_no, page.status, page.money,
  orders.status AS our_status, orders.money AS our_money, orders.clientip, orders.sendid,
  orders.sendpoint, orders.pay_cvs, orders.pay_no1, orders.pay_no2, orders.pay_limit,
  orders.created_at,
  ARRAY (
    SELECT DISTINCT status FROM events WHERE events.order_no = orders.order_no
      AND status IS NOT NULL AND (events.cycle = orders.cycle OR status IN ('01', '02', '03'))
  ) AS had,
  ARRAY (
    SELECT DISTINCT status FROM events WHERE events.order_no = orders.order_no
      AND status IS NOT NULL
  ) AS had_ever,
  (
    SELECT healed.notice_id FROM reconciliation_rows AS healed
    JOIN notices ON notices.id = healed.notice_id
    WHERE healed.order_no = page.order_no AND healed.notice_id IS NOT NULL
      AND healed.status = page.status
      AND (verdict IS NULL OR verdict NOT IN ('accepted', 'duplicate')) LIMIT 1
  ) AS notice_id,
  EXISTS (
    SELECT FROM reconciliation_rows AS healed
    WHERE healed.order_no = page.order_no AND healed.notice_id IS NOT NULL
      AND healed.outcome = '{Outcome.UNKNOWN_HERE}'
  ) AS made_by_healing
FROM (
  SELECT * FROM reconciliation_rows WHERE reconciliation_id = :id AND number > :after
  ORDER BY number LIMIT :limit
) AS page
LEFT JOIN LATERAL (SELECT * FROM orders WHERE orders.order_no = page.order_no) AS orders ON true
ORDER BY page.number
""")  # noqa: S608 - only our own constants are put in

_WRITE = text("""
UPDATE reconciliation_rows AS stored SET outcome = compared.outcome,
  our_status = compared.our_status, our_money = compared.our_money, notice_id = compared.notice_id
FROM json_populate_recordset(NULL::reconciliation_rows, CAST(:rows AS json)) AS compared
WHERE stored.reconciliation_id = :id AND stored.number = compared.number
""")

_COMPARED = text("""
UPDATE reconciliations SET compared = :compared, agrees = agrees + :agrees,
  unknown_here = unknown_here + :unknown_here, behind = behind + :behind,
  amount_differs = amount_differs + :amount_differs, healed = healed + :healed,
  first_at = least(first_at, CAST(:first_at AS timestamptz)),
  last_at = greatest(last_at, CAST(:last_at AS timestamptz)),
  state = :state, advanced_at = clock_timestamp()
WHERE id = :id
""")

_SEARCH = text(f"""
WITH page AS MATERIALIZED (
  SELECT created_at, order_no, status, money FROM orders
  WHERE (created_at, order_no) > (CAST(:at AS timestamptz), :order_no) AND created_at <= :last_at
  ORDER BY created_at, order_no LIMIT :limit
), lacking AS (
  INSERT INTO reconciliation_rows
    (reconciliation_id, number, order_no, outcome, our_status, our_money)
  SELECT CAST(:id AS uuid), :number + row_number() OVER (ORDER BY created_at, order_no), order_no,
    '{Outcome.UNKNOWN_THERE}', status, money
  FROM page WHERE NOT EXISTS (
    SELECT FROM reconciliation_rows AS listed
    WHERE listed.reconciliation_id = :id AND listed.order_no = page.order_no
  ) AND NOT EXISTS (
    SELECT FROM reconciliation_rows AS healed
    WHERE healed.order_no = page.order_no AND healed.notice_id IS NOT NULL
      AND healed.outcome = '{Outcome.UNKNOWN_HERE}'
  )
  RETURNING 1
), newest AS (
  SELECT created_at, order_no FROM page ORDER BY created_at DESC, order_no DESC LIMIT 1
)
SELECT (SELECT count(*) FROM page) AS seen, (SELECT count(*) FROM lacking) AS lacking,
  (SELECT created_at FROM newest) AS at, (SELECT order_no FROM newest) AS order_no
""")  # noqa: S608 - only our own constants are put in

_SEARCHED = text("""
UPDATE reconciliations SET unknown_there = unknown_there + :lacking,
  searched_at = coalesce(:at, searched_at),
  searched_order_no = coalesce(:order_no, searched_order_no),
  state = :state, advanced_at = clock_timestamp(),
  finished_at = CASE WHEN :state = 'done' THEN clock_timestamp() END
WHERE id = :id
""")

_HEALING_LOCK = text("SELECT pg_advisory_xact_lock(7236405907)")


async def is_any_unfinished(statements: Statements) -> bool:
    """Return whether there is a reconciliation to go on with, whoever works on it."""
    return bool((await statements.execute(_UNFINISHED)).all())


async def take(session: AsyncSession, reconciliation_id: UUID | None) -> RowMapping | None:
    """Lock an unfinished reconciliation, this one or the one that has waited longest.

    Return None if there is none that nobody else has locked. The lock lasts until the transaction
    ends.
    """
    found = await session.execute(_TAKE, {"id": reconciliation_id})
    return found.mappings().one_or_none()


async def lock_healing(session: AsyncSession) -> None:
    """Wait until no other transaction heals, so that no order is healed twice."""
    await session.execute(_HEALING_LOCK)


async def read_rows(
    session: AsyncSession, reconciliation_id: UUID, after: int, limit: int
) -> Sequence[RowMapping]:
    """Return the next rows of a file with what is known of their orders."""
    parameters = {"id": reconciliation_id, "after": after, "limit": limit}
    return (await session.execute(_PAGE, parameters)).mappings().all()


async def write_outcomes(
    session: AsyncSession, reconciliation_id: UUID, rows: Sequence[dict[str, Any]]
) -> None:
    """Write the outcomes of rows."""
    as_json = json.dumps(rows, default=str, ensure_ascii=False, separators=(",", ":"))
    await session.execute(_WRITE, {"id": reconciliation_id, "rows": as_json})


async def write_notices(session: AsyncSession, notices: Sequence[dict[str, Any]]) -> None:
    """Insert notices, and wake the workers after the commit."""
    await session.execute(insert(NoticeRow), notices)
    await session.execute(text(f"NOTIFY {NOTICES}"))


async def write_progress(session: AsyncSession, reconciliation_id: UUID, **changes: Any) -> None:
    """Write the progress of the comparison."""
    await session.execute(_COMPARED, {"id": reconciliation_id, **changes})


async def search_page(
    session: AsyncSession,
    reconciliation_id: UUID,
    number: int,
    after: tuple[datetime, str],
    until: datetime,
    limit: int,
) -> RowMapping:
    """Store the orders of the next page that the file lacks, numbered from `number` on."""
    parameters = {"id": reconciliation_id, "number": number, "at": after[0], "order_no": after[1]}
    found = await session.execute(_SEARCH, {**parameters, "last_at": until, "limit": limit})
    return found.mappings().one()


async def write_search(session: AsyncSession, reconciliation_id: UUID, **changes: Any) -> None:
    """Write the progress of the search."""
    await session.execute(_SEARCHED, {"id": reconciliation_id, **changes})
