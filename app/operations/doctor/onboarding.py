"""The operational test with Zeus, followed: which statuses and which parameters have arrived, and what to ask for if some have not."""

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

USUAL_DAYS = 14
CALLS = 5_000
"""How many of the latest calls are looked at."""

_LATEST = f"""
WITH latest AS MATERIALIZED (
  SELECT received_at, status, verdict, parameters FROM notices WHERE id >= CAST(:first AS uuid) ORDER BY id DESC LIMIT {CALLS})
"""  # noqa: S608 - our own constant
_CALLS = text(f"{_LATEST} SELECT count(*) AS calls, max(received_at) AS last_at FROM latest")  # noqa: S608
_STATUSES = text(
    f"{_LATEST} SELECT status, count(*) AS calls, max(received_at) AS last_at FROM latest GROUP BY status"  # noqa: S608
)
_PARAMETERS = text(f"""
{_LATEST}
SELECT sent.key, count(*) AS sent, count(*) FILTER (WHERE sent.value <> '') AS filled, max(received_at) AS last_at
FROM latest CROSS JOIN LATERAL jsonb_each_text(parameters) AS sent GROUP BY sent.key
""")  # noqa: S608

NEEDED = frozenset({"order_no", "status"})
"""Parameters without which no call can be judged."""
ONLY_SOME_STORES = frozenset({"pay_no2"})
"""Parameters that only some stores have: ローソン, ファミリーマート and ミニストップ."""


class Way(StrEnum):
    """How a status can be brought about: by an application with `testid` and `test_type` (manual, operational test), or not with Zeus.

    Test type 1 is paid and confirmed, 2 is paid and taken back.
    """

    PAID = "paid"
    CONFIRMED = "confirmed"
    REVERSED = "reversed"
    IF_ORDERED = "if_ordered"
    """Zeus calls for it only if the merchant ordered that; a test does not bring it about."""
    SIMULATED = "simulated"


_WAYS: Mapping[Status, Way] = {
    Status.ACCEPTED: Way.PAID,
    Status.PAID: Way.PAID,
    Status.CONFIRMED: Way.CONFIRMED,
    Status.REVERSED: Way.REVERSED,
}
_HOW_TO_GET: Mapping[Way, str] = {
    Way.PAID: "Send an application with testid and test_type=1.",
    Way.CONFIRMED: "Send an application with testid and test_type=1, and wait: it comes within 30 minutes of 04.",
    Way.REVERSED: "Send an application with testid and test_type=2, and wait: it comes within 30 minutes of 04.",
    Way.IF_ORDERED: "Zeus calls for it only if that was ordered: ask the sales desk for it if you want it. A test cannot bring it about.",
    Way.SIMULATED: "A test with Zeus cannot bring it about; `zeus-relay simulate` can.",
}


class StatusSeen(Value):
    """One status of Zeus, and whether it has been called."""

    status: str
    name: str
    """The name that Zeus's console shows."""
    calls: int
    last_at: Moment | None
    way: Way
    """How it can be brought about."""
    todo: str | None
    """The same in words; None when it has arrived."""


class ParameterSeen(Value):
    """One of the 14 parameters, and whether Zeus sends it."""

    name: str
    japanese: str
    calls: int
    """In how many calls it was sent, also empty."""
    filled: int
    """In how many of these it was not empty."""
    last_at: Moment | None
    todo: str | None
    """What to ask Zeus for; None when it has arrived, or is not to be expected."""


class Onboarding(Value):
    """How far the operational test has come, by the latest calls."""

    since: Moment
    calls: int
    """How many calls there were since then, counted up to 5,000."""
    last_at: Moment | None
    statuses: list[StatusSeen]
    parameters: list[ParameterSeen]
    todo: list[str]
    """What to do next, the most important first; empty when all has arrived that can."""


async def read_onboarding(sessions: Sessions, days: int = USUAL_DAYS) -> Onboarding:
    """What has arrived in the last `days` days. Notices that are not judged yet are only counted."""
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
            "No call has arrived: have Zeus set the URL, then send an application with testid and test_type=1; `zeus-relay doctor`."
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
