"""Delay of honest calls behind a flood of one order, and behind calls that the database rejects.

All calls are committed together when the worker is there and has nothing else to do.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

from app.clock import uuid7
from app.db.connections import Connection, connect
from app.db.lanes import LANES, lane_of
from app.db.notify import NOTICES
from bench.figures import Figure, Requirement
from bench.plan import Bench, interleaved

REPETITIONS = 40_000
REJECTED = 5_000
HONEST = 100
MOST_S = 5.0
_POLL_S = 0.02
_PATIENCE_S = 300.0

_NOTICES = """
INSERT INTO notices (id, lane, received_at, source, method, target, headers, body)
SELECT id, lane, $4, '192.0.2.1', 'GET', convert_to(target, 'UTF8'), '', ''
FROM unnest($1::uuid[], $2::int[], $3::text[]) AS call (id, lane, target)
"""
# Stands for an unknown fault.
_REJECTION = """
CREATE FUNCTION reject() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF new.sendid = 'rejected' THEN RAISE EXCEPTION USING errcode = '22P05'; END IF;
  RETURN new;
END $$;
CREATE TRIGGER reject BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION reject()
"""


class NotJudged(Exception):
    """Honest calls were not judged in time."""


async def judging(bench: Bench) -> list[Figure]:
    """Measure the seconds until the last of a hundred honest calls is judged."""
    repetitions, rejected = (
        round(REPETITIONS * bench.effort.share),
        round(REJECTED * bench.effort.share),
    )

    async def alone() -> float:
        return await _measure(bench, [])

    async def behind_repetitions() -> float:
        flood = next(
            number for number in map("flood-{}".format, range(1_000)) if lane_of(number) == 0
        )
        return await _measure(
            bench,
            [f"order_no={flood}&status=04&money=5400"] * repetitions,
            lambda number: lane_of(number) == 0,
        )

    async def behind_rejected() -> float:
        return await _measure(
            bench,
            [
                f"order_no=rejected-{number}&status=01&money=5400&sendid=rejected"
                for number in range(rejected)
            ],
        )

    results = await interleaved(
        bench,
        {
            "alone": alone,
            "behind repetitions": behind_repetitions,
            "behind rejected": behind_rejected,
        },
    )
    baseline = tuple(results["alone"])
    sides = (
        (
            f"behind {repetitions:,} repetitions of one call in their lane",
            results["behind repetitions"],
            MOST_S,
        ),
        (
            f"behind {rejected:,} that the database rejects, in {LANES} lanes",
            results["behind rejected"],
            None,
        ),
    )
    return [
        Figure(
            "judging",
            f"{HONEST} honest calls judged, {name}",
            "s",
            tuple(waits),
            baseline,
            f"the {HONEST} alone",
            None if most is None else Requirement(most=most),
        )
        for name, waits, most in sides
    ]


async def _measure(
    bench: Bench, before: list[str], suits: Callable[[str], bool] = lambda number: True
) -> float:
    """Return the seconds from their commit until all honest calls behind `before` are judged."""
    honest = [
        number for number in map("honest-{}".format, range(HONEST * LANES * 2)) if suits(number)
    ][:HONEST]
    async with bench.site() as site:
        connection = await connect(site.database_url or "")
        try:
            await connection.execute(_REJECTION)
            together = connection.transaction()
            await together.start()
            await _append(connection, before)
            await _append(
                connection, [f"order_no={number}&status=04&money=5400" for number in honest]
            )
            async with site.role("work"):
                await together.commit()
                await connection.execute(f"NOTIFY {NOTICES}")
                return await _until_judged(connection)
        finally:
            await connection.close()


async def _append(connection: Connection, queries: list[str]) -> None:
    numbers = [query.partition("order_no=")[2].partition("&")[0] for query in queries]
    await connection.execute(
        _NOTICES,
        [uuid7() for _ in queries],
        [lane_of(number) for number in numbers],
        ["/zeus/notify?" + query for query in queries],
        datetime.now(UTC),
    )


async def _until_judged(connection: Connection) -> float:
    started = time.monotonic()
    while time.monotonic() < started + _PATIENCE_S:
        if (
            await connection.fetchval("SELECT count(*) FROM orders WHERE order_no LIKE 'honest-%'")
            == HONEST
        ):
            return time.monotonic() - started
        await asyncio.sleep(_POLL_S)
    raise NotJudged
