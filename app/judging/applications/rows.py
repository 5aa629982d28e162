"""Rows of applications that calls are about: read under their locks, and written. SQL."""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.crypto.reference import id_in
from app.db.driver.direct import Statements
from app.judging.applications.links import Applications, is_signed, reference_of
from app.judging.policy import Policy
from app.order_life.applied import AppliedFor
from app.order_life.order_state import KnownOrder
from app.order_life.relatives import applications_of
from app.order_life.reviews import BY_ITSELF, Reason, Settlement
from app.zeus.wire import Call

_WRITTEN = ("state", "order_no", "pay_no1", "pay_no2", "pay_limit", "error_code")

# The locks are taken in the order of the ids, so that nobody waits in a circle.
READ = text("""
SELECT found.id, clientip, money, pay_cvs, sendid, sendpoint, test IS NOT NULL AS test, state,
  order_no, pay_no1, pay_no2, pay_limit, error_code, called_at IS NOT NULL AS is_called, EXISTS (
    SELECT 1 FROM applications AS newer
    WHERE newer.replaces = found.id AND newer.replaces IS NOT NULL
      AND newer.state IN ('sending', 'accepted', 'unknown')
  ) AS is_replaced
FROM applications AS found
WHERE found.id = ANY (ARRAY (
  SELECT named FROM unnest(CAST(:ids AS uuid[])) AS named
  UNION ALL
  SELECT id FROM applications
  WHERE order_no = ANY (CAST(:order_nos AS text[])) AND order_no IS NOT NULL
    AND state = 'accepted'
))
ORDER BY found.id FOR UPDATE OF found
""")
"""Applications with these ids, and those that made the slips with these numbers."""
_WRITE = text("""
UPDATE applications AS mine SET state = called.state, order_no = called.order_no,
  pay_no1 = called.pay_no1, pay_no2 = called.pay_no2, pay_limit = called.pay_limit,
  error_code = called.error_code, called_at = coalesce(mine.called_at, clock_timestamp()),
  resolved_at = CASE WHEN mine.state = called.state THEN mine.resolved_at
    ELSE clock_timestamp() END,
  resolved_by = CASE WHEN mine.state = called.state THEN mine.resolved_by ELSE 'call' END
FROM json_populate_recordset(NULL::applications, CAST(:rows AS json)) AS called
WHERE mine.id = called.id
""")
_SETTLE = text(f"""
UPDATE reviews SET settled_at = clock_timestamp(), settlement = '{Settlement.DISMISS}',
  settled_by = '{BY_ITSELF}'
WHERE key = ANY (CAST(:keys AS text[])) AND settled_at IS NULL
""")  # noqa: S608 - only our own constants are put in


def review_keys(application_id: UUID) -> tuple[str, str]:
    """Return the keys of the reviews that ask for the outcome or for the call of an application."""
    return (
        f"{Reason.APPLICATION_UNKNOWN} {application_id}",
        f"{Reason.CALL_MISSING} {application_id}",
    )


async def applications_of_calls(
    session: Statements,
    calls: Sequence[Call],
    orders: Iterable[KnownOrder],
    order_nos: Collection[str],
    policy: Policy,
) -> Applications:
    """Read and lock the applications of calls: by reference, of known orders, or by number.

    Before a reference can count as forged, the keys are read once more.
    """
    references = [(call, text) for call in calls if (text := reference_of(call, policy))]
    named = {found for _, text in references if (found := id_in(text))}
    numbers = order_nos if policy.applies else ()
    applications = await read_applications(session, named | applications_of(orders), numbers)
    if policy.references and any(
        not is_signed(text, call, applications.get(id_in(text)), policy)
        for call, text in references
    ):
        await policy.references.read(session)
    return applications


async def read_applications(
    session: Statements, ids: Collection[UUID], order_nos: Collection[str]
) -> Applications:
    """Return these applications and those that made these orders' slips; keep them locked.

    The locks are taken after those of the lanes and before those of purchases. Whoever records an
    answer takes the same lock, so the answer and the first call see each other.
    """
    if not ids and not order_nos:
        return Applications()
    parameters = {"ids": sorted(ids), "order_nos": sorted(order_nos)}
    rows = await session.execute(READ, parameters)
    return Applications.of(AppliedFor(**row) for row in rows.mappings())


async def write_applications(session: Statements, called: Iterable[AppliedFor]) -> None:
    """Write what calls tell about these applications, and settle the reviews that they answer.

    A review of an application belongs to no known order, so no event tells its end.
    """
    applications = sorted(called, key=lambda one: one.id)
    if not applications:
        return
    rows: list[dict[str, Any]] = [
        {"id": str(one.id), **{name: getattr(one, name) for name in _WRITTEN}}
        for one in applications
    ]
    await session.execute(_WRITE, {"rows": json.dumps(rows, ensure_ascii=False)})
    keys = [key for one in applications for key in review_keys(one.id)]
    await session.execute(_SETTLE, {"keys": keys})
