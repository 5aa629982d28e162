"""Delay of honest calls behind a flood of one order, and behind calls that the database rejects.

All calls are committed together when the worker is there and has nothing else to do.
"""

from collections.abc import Callable

from app.db.connections import connect
from app.db.lanes import LANES, lane_of
from app.db.notify import NOTICES
from bench.figures import Figure, Requirement
from bench.plan import Bench, interleaved
from bench.unjudged import append, until

REPETITIONS = 40_000
REJECTED = 5_000
HONEST = 100
MOST_S = 5.0
_JUDGED = f"SELECT count(*) = {HONEST} FROM orders WHERE order_no LIKE 'honest-%'"
# Stands for an unknown fault.
_REJECTION = """
CREATE FUNCTION reject() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF new.sendid = 'rejected' THEN RAISE EXCEPTION USING errcode = '22P05'; END IF;
  RETURN new;
END $$;
CREATE TRIGGER reject BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION reject()
"""


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
            await append(connection, before)
            await append(
                connection, [f"order_no={number}&status=04&money=5400" for number in honest]
            )
            async with site.role("work"):
                await together.commit()
                await connection.execute(f"NOTIFY {NOTICES}")
                return await until(connection, _JUDGED)
        finally:
            await connection.close()
