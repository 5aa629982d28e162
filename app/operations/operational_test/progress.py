"""Progress of an operational test: its applications, calls and mails. SQL."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.applications.states import ApplicationState
from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.db.tables.applications import ApplicationRow
from app.operations.applications.models import StoreOfApplication
from app.operations.applications.views import payment_numbers
from app.operations.operational_test.models import (
    OperationalTest,
    TestCall,
    TestMail,
    TestProgress,
)
from app.operations.operational_test.plan import (
    FOLLOWS,
    PLAYED_WITHIN,
    PREFIX,
    PlannedTest,
    planned,
    planned_by,
)
from app.zeus.canonical import canonical_values
from app.zeus.parameters import BY_NAME, deadline_of
from app.zeus.statuses import Status

_ONLY_SOME_STORES = frozenset({"pay_no2"})
_NEVER_FILLED = frozenset({"error_code"})
_PERSONAL = frozenset({"username", "telno", "email"})
"""The merchant need not order them, and the request sheet does not."""

# The range keeps to the index of sendids, which sorts by bytes; `.` comes after `-`.
_LATEST_RUN = text("""
SELECT sendid FROM applications WHERE sendid <> '' AND sendid >= 'OT-' AND sendid < 'OT.'
ORDER BY sendid DESC LIMIT 1
""")
_RUNS = text("""
SELECT DISTINCT substr(sendid, 4, 12) AS run FROM applications
WHERE sendid <> '' AND sendid >= 'OT-' AND sendid < 'OT.' AND test IS NOT NULL
ORDER BY run DESC LIMIT :limit
""")
_MAILS_COME = text("""
SELECT EXISTS (SELECT 1 FROM mails WHERE received_at > now() - interval '14 days')
""")
# The first call of each status. A healed one is no call.
_CALLS = text("""
SELECT DISTINCT ON (order_no, status) order_no, status, received_at, parameters FROM notices
WHERE order_no = ANY (CAST(:order_nos AS text[])) AND origin = 'call'
  AND verdict IN ('accepted', 'duplicate', 'conflict')
ORDER BY order_no, status, id
""")
_MAILS = text("""
SELECT DISTINCT ON (order_no, status) order_no, status, received_at, believed FROM mails
WHERE order_no = ANY (CAST(:order_nos AS text[])) AND status IS NOT NULL
ORDER BY order_no, status, believed DESC NULLS LAST, id
""")

Found = Mapping[tuple[str, str], Any]


async def latest_run(sessions: Sessions) -> str | None:
    """Return the run that was begun last, None before the first."""
    async with sessions() as session:
        found = planned_by(await session.scalar(_LATEST_RUN) or "")
    return found.run if found else None


async def latest_runs(sessions: Sessions, limit: int = 10) -> list[str]:
    """Return the latest runs, the newest first."""
    async with sessions() as session:
        return list(await session.scalars(_RUNS, {"limit": limit}))


async def mails_come(sessions: Sessions) -> bool:
    """Return True if any mail was read or handed in during the last two weeks."""
    async with sessions() as session:
        return bool(await session.scalar(_MAILS_COME))


async def read_progress(
    sessions: Sessions,
    run: str,
    tests: Sequence[PlannedTest] | None = None,
    *,
    mails_read: bool,
) -> OperationalTest:
    """Return what has arrived for each test of a run.

    Without `tests` they are those that were sent. `mails_read` tells that mails can arrive.
    """
    async with snapshot(sessions) as session:
        rows = await _applications(session, run)
        sent = [test for test in planned(run) if test.sendid in rows]
        order_nos = [row.order_no for row in rows.values() if row.order_no]
        calls = await _by_status(session, _CALLS, order_nos)
        mails = await _by_status(session, _MAILS, order_nos)
        at = (await session.execute(select(func.now()))).scalar_one()
    found = [
        _progress(test, rows.get(test.sendid), calls, mails, mails_read=mails_read)
        for test in (sent if tests is None else tests)
    ]
    return OperationalTest(
        run=run,
        at=at,
        tests=found,
        mails_read=mails_read,
        due_at=max((one.due_at for one in found if one.due_at and not one.complete), default=None),
        complete=bool(found) and all(one.complete for one in found),
    )


async def _applications(session: AsyncSession, run: str) -> dict[str, ApplicationRow]:
    beginning = f"{PREFIX}{run}-"
    query = select(ApplicationRow).where(
        ApplicationRow.sendid != "",
        ApplicationRow.sendid >= beginning,
        ApplicationRow.sendid < f"{PREFIX}{run}.",
        ApplicationRow.test.is_not(None),
    )
    return {row.sendid or "": row for row in await session.scalars(query)}


async def _by_status(session: AsyncSession, query: Any, order_nos: Collection[str]) -> Found:
    if not order_nos:
        return {}
    rows = await session.execute(query, {"order_nos": list(order_nos)})
    return {(row.order_no, row.status): row for row in rows}


def _progress(
    test: PlannedTest, row: ApplicationRow | None, calls: Found, mails: Found, *, mails_read: bool
) -> TestProgress:
    order_no = (row.order_no if row else None) or ""
    follows = FOLLOWS[test.kind]
    arrived = [_call(status, calls.get((order_no, status.value)), row) for status in follows]
    mailed = [_mail(status, mails.get((order_no, status.value))) for status in follows]
    accepted = row is not None and row.state == ApplicationState.ACCEPTED
    shown = bool(row and row.pay_limit and (row.pay_no1 or row.pay_url))
    all_came = [*arrived, *(mailed if mails_read else ())]
    return TestProgress(
        store=StoreOfApplication(code=test.store.code, name=test.store.name),
        kind=test.kind,
        money=test.money,
        sendid=test.sendid,
        application_id=row.id if row else None,
        state=ApplicationState(row.state) if row else None,
        order_no=order_no or None,
        sent_at=row.sent_at if row else None,
        clientip=row.clientip if row else None,
        payment_numbers=payment_numbers(row.pay_cvs, row.pay_no1, row.pay_no2) if row else [],
        payment_deadline=_deadline(row),
        numbers_shown=shown,
        calls=arrived,
        mails=mailed if mails_read else [],
        due_at=_due_at(row, arrived) if accepted else None,
        complete=accepted and shown and all(one.is_right for one in all_came),
    )


def _deadline(row: ApplicationRow | None) -> str | None:
    day = deadline_of(row.pay_limit) if row else None
    return day.isoformat() if day else None


def _due_at(row: ApplicationRow | None, calls: Sequence[TestCall]) -> datetime | None:
    """Return when the last call should have come: half an hour after the payment was played."""
    paid = [one.at for one in calls if one.status == Status.PAID.value and one.at]
    begun = paid[0] if paid else (row.answered_at or row.sent_at if row else None)
    return begun + PLAYED_WITHIN if begun else None


def _call(status: Status, found: Any, row: ApplicationRow | None) -> TestCall:
    if found is None:
        facts: dict[str, list[str]] = defaultdict(list)
        at = None
    else:
        at = found.received_at
        facts = _parameters_of(found.parameters or {}, row)
    return TestCall(
        status=status.value,
        name=status.japanese,
        at=at,
        parameters=facts["filled"],
        empty=facts["empty"],
        absent=facts["absent"],
        wrong=facts["wrong"],
    )


def _parameters_of(values: Mapping[str, str], row: ApplicationRow | None) -> dict[str, list[str]]:
    """Return which of the manual's parameters a call had, and which were not as applied for."""
    facts: dict[str, list[str]] = defaultdict(list)
    for name in BY_NAME:
        if values.get(name):
            facts["filled"].append(name)
        elif name in values:
            facts["empty"].append(name)
        elif name not in _ONLY_SOME_STORES | _NEVER_FILLED | _PERSONAL:
            facts["absent"].append(name)
    if row is not None:
        meant = canonical_values(values)
        expected = {
            "money": str(row.money),
            "clientip": row.clientip,
            "pay_cvs": row.pay_cvs,
            "sendid": row.sendid,
            "sendpoint": row.sendpoint,
        }
        facts["wrong"] = [
            name for name, value in expected.items() if meant.get(name) and meant[name] != value
        ]
    return facts


def _mail(status: Status, found: Any) -> TestMail:
    return TestMail(
        status=status.value,
        name=status.japanese,
        at=found.received_at if found else None,
        believed=bool(found.believed) if found else None,
    )
