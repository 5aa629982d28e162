"""Operational test with Zeus: statuses and parameters that have arrived, and the next steps."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import now, uuid7_floor
from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.operations.models import Moment, Value
from app.zeus.parameters import PARAMETERS, Parameter
from app.zeus.statuses import Status

DEFAULT_DAYS = 14
CALLS = 5_000
"""Newest calls that are examined at most."""

_LATEST = f"""
WITH latest AS MATERIALIZED (
  SELECT received_at, status, verdict, parameters FROM notices
  WHERE id >= CAST(:first AS uuid) AND origin = 'call'
  ORDER BY id DESC LIMIT {CALLS})
"""  # noqa: S608 - our own constant
_CALLS = text(f"{_LATEST} SELECT count(*) AS calls, max(received_at) AS last_at FROM latest")  # noqa: S608
_STATUSES = text(
    f"{_LATEST} SELECT status, count(*) AS calls, max(received_at) AS last_at "  # noqa: S608
    "FROM latest GROUP BY status"
)
_PARAMETERS = text(f"""
{_LATEST}
SELECT sent.key, count(*) AS sent, count(*) FILTER (WHERE sent.value <> '') AS filled,
  max(received_at) AS last_at
FROM latest CROSS JOIN LATERAL jsonb_each_text(parameters) AS sent GROUP BY sent.key
""")  # noqa: S608

NEEDED = frozenset({"order_no", "status"})
"""Parameters that judging needs."""
ONLY_SOME_STORES = frozenset({"pay_no2"})
"""Parameters that only some stores have: ローソン, ファミリーマート and ミニストップ."""


class Way(StrEnum):
    """Way to obtain a status: by an application with `testid` and `test_type`, or by simulation.

    Test type 1 is paid and confirmed, 2 is paid and reversed (manual of Zeus, operational test).
    """

    PAID = "paid"
    CONFIRMED = "confirmed"
    REVERSED = "reversed"
    IF_ORDERED = "if_ordered"
    """Zeus calls for it only if the merchant ordered that. No test causes it."""
    SIMULATED = "simulated"


_WAYS: Mapping[Status, Way] = {
    Status.ACCEPTED: Way.PAID,
    Status.PAID: Way.PAID,
    Status.CONFIRMED: Way.CONFIRMED,
    Status.REVERSED: Way.REVERSED,
}
_HOW_TO_GET: Mapping[Way, str] = {
    Way.PAID: "Send an application with testid and test_type=1.",
    Way.CONFIRMED: (
        "Send an application with testid and test_type=1, and wait: "
        "it comes within 30 minutes of 04."
    ),
    Way.REVERSED: (
        "Send an application with testid and test_type=2, and wait: "
        "it comes within 30 minutes of 04."
    ),
    Way.IF_ORDERED: (
        "Zeus calls for it only if that was ordered: ask the sales desk if you want it. "
        "No test causes it."
    ),
    Way.SIMULATED: "No test with Zeus causes it; `zeus-relay simulate` does.",
}


class StatusSeen(Value):
    """Status of Zeus, with its calls so far."""

    status: str
    name: str
    """Name in Zeus's console."""
    calls: int
    last_at: Moment | None
    way: Way
    """Way to obtain it."""
    todo: str | None
    """Instruction to obtain it; None if it has arrived."""


class ParameterSeen(Value):
    """One of the 14 parameters, with its calls so far."""

    name: str
    japanese: str
    calls: int
    """Calls that contain it, even empty."""
    filled: int
    """Calls that contain it with a value."""
    last_at: Moment | None
    todo: str | None
    """Request to Zeus; None if it has arrived or is not expected."""


class Onboarding(Value):
    """Progress of the operational test, by the newest calls."""

    since: Moment
    calls: int
    """Calls since then, counted up to 5,000."""
    last_at: Moment | None
    statuses: list[StatusSeen]
    parameters: list[ParameterSeen]
    todo: list[str]
    """Next steps, the most important first; empty if everything has arrived that can."""


async def read_onboarding(sessions: Sessions, days: int = DEFAULT_DAYS) -> Onboarding:
    """Return the progress in the last `days` days. Unjudged notices are only counted."""
    since = now() - timedelta(days=days)
    first = {"first": uuid7_floor(since)}
    async with snapshot(sessions) as session:
        calls = (await session.execute(_CALLS, first)).one()
        statuses = await _statuses(session, first)
        parameters = await _parameters(session, first, any_calls=calls.calls > 0)
    return Onboarding(
        since=since,
        calls=calls.calls,
        last_at=calls.last_at,
        statuses=statuses,
        parameters=parameters,
        todo=_todo(calls.calls, statuses, parameters),
    )


async def _statuses(session: AsyncSession, first: Mapping[str, object]) -> list[StatusSeen]:
    seen = {row.status: row for row in await session.execute(_STATUSES, first)}
    return [
        StatusSeen(
            status=status.value,
            name=status.japanese,
            calls=seen[status].calls if status in seen else 0,
            last_at=seen[status].last_at if status in seen else None,
            way=_way_of(status),
            todo=None if status in seen else _HOW_TO_GET[_way_of(status)],
        )
        for status in Status
    ]


def _way_of(status: Status) -> Way:
    return Way.IF_ORDERED if status.only_if_ordered else _WAYS.get(status, Way.SIMULATED)


async def _parameters(
    session: AsyncSession, first: Mapping[str, object], *, any_calls: bool
) -> list[ParameterSeen]:
    seen = {row.key: row for row in await session.execute(_PARAMETERS, first)}
    return [
        ParameterSeen(
            name=parameter.name,
            japanese=parameter.japanese,
            calls=seen[parameter.name].sent if parameter.name in seen else 0,
            filled=seen[parameter.name].filled if parameter.name in seen else 0,
            last_at=seen[parameter.name].last_at if parameter.name in seen else None,
            todo=_what_to_ask(parameter) if any_calls and parameter.name not in seen else None,
        )
        for parameter in PARAMETERS
    ]


def _what_to_ask(parameter: Parameter) -> str:
    ask = f"Ask Zeus's sales desk to send {parameter.name} ({parameter.japanese})."
    if parameter.name in NEEDED:
        return f"{ask} Without it no call can be judged."
    if parameter.name in ONLY_SOME_STORES:
        return f"{ask} ローソン, ファミリーマート and ミニストップ have it."
    return ask


def _todo(calls: int, statuses: list[StatusSeen], parameters: list[ParameterSeen]) -> list[str]:
    if not calls:
        return [
            "No call has arrived: have Zeus set the URL, then send an application with testid "
            "and test_type=1; `zeus-relay doctor`."
        ]
    missing = sorted(
        (seen for seen in parameters if seen.todo), key=lambda seen: seen.name not in NEEDED
    )
    tested = [seen for seen in statuses if seen.todo and Status(seen.status) in _WAYS]
    return list(
        dict.fromkeys(
            [
                *(str(seen.todo) for seen in missing),
                *(f"{seen.status} {seen.name}: {seen.todo}" for seen in tested),
            ]
        )
    )
