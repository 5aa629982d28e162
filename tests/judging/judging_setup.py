"""Setup of the judging tests: notices as receivers record them, and their outcome."""

from typing import Any

from sqlalchemy import text

from app.clock import now, uuid7
from app.db.engine import Sessions
from app.db.lanes import lane_of
from app.judging.judge import Judge

_NOTICE = text("""
INSERT INTO notices (id, lane, received_at, source, method, target, headers, body)
VALUES (:id, :lane, :at, '127.0.0.1', 'GET', :target, '', '')
""")


async def append(sessions: Sessions, *calls: dict[str, str], lane: int | None = None) -> None:
    """Append notices of these calls, each in the lane of its order unless one is given."""
    rows = [
        {
            "id": uuid7(),
            "lane": lane_of(call["order_no"]) if lane is None else lane,
            "at": now(),
            "target": (
                "/zeus/notify?" + "&".join(f"{name}={value}" for name, value in call.items())
            ).encode(),
        }
        for call in calls
    ]
    async with sessions.begin() as session:
        await session.execute(_NOTICE, rows)


async def fetch(sessions: Sessions, query: str) -> list[Any]:
    """Return the rows of a query; a row of one column is its value."""
    async with sessions() as session:
        return [
            row[0] if len(row) == 1 else tuple(row) for row in await session.execute(text(query))
        ]


def judge_of(sessions: Sessions) -> Judge:
    """Return a judge that accepts any clientip and wakes nobody."""
    return Judge(sessions, [], on_events=lambda: None)


async def judge_all(sessions: Sessions) -> None:
    """Judge until nothing is left."""
    judge = judge_of(sessions)
    while await judge.judge_batch():
        pass


def numbers_in_lane(lane: int, count: int) -> list[str]:
    """Return order numbers of this lane."""
    found = (f"N-{number}" for number in range(100_000))
    return [number for number in found if lane_of(number) == lane][:count]
