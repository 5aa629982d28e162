"""Notices that no worker has judged: rows written to the database, as receivers write them."""

import asyncio
import time
from datetime import UTC, datetime

from app.clock import uuid7
from app.db.connections import Connection
from app.db.lanes import lane_of

_POLL_S = 0.02
_PATIENCE_S = 300.0

_NOTICES = """
INSERT INTO notices (id, lane, received_at, source, method, target, headers, body)
SELECT id, lane, $4, '192.0.2.1', 'GET', convert_to(target, 'UTF8'), '', ''
FROM unnest($1::uuid[], $2::int[], $3::text[]) AS call (id, lane, target)
"""


class NotJudged(Exception):
    """Calls were not judged in time."""


async def append(connection: Connection, queries: list[str]) -> None:
    """Append a notice for each query of a call."""
    numbers = [query.partition("order_no=")[2].partition("&")[0] for query in queries]
    await connection.execute(
        _NOTICES,
        [uuid7() for _ in queries],
        [lane_of(number) for number in numbers],
        ["/zeus/notify?" + query for query in queries],
        datetime.now(UTC),
    )


async def until(connection: Connection, query: str) -> float:
    """Return the seconds until the query returns true. Raise NotJudged after some minutes."""
    started = time.monotonic()
    while time.monotonic() < started + _PATIENCE_S:
        if await connection.fetchval(query):
            return time.monotonic() - started
        await asyncio.sleep(_POLL_S)
    raise NotJudged
