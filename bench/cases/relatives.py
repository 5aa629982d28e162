"""Cost of relatives and reviews in judging, beside judging without relatives."""

from functools import partial

from app.db.connections import connect
from app.db.notify import NOTICES
from bench.figures import Figure, Requirement
from bench.plan import Bench, interleaved
from bench.unjudged import append, until

LEAST_RATIO = 0.9
_ORDERS = 10_000
_STATUSES = ("01", "04", "05")
_VALUES = "clientip=2012000001&money=5400&pay_cvs=D001&pay_no1=1234567890123&pay_limit=20991231"
_ALL_JUDGED = "SELECT NOT EXISTS (SELECT FROM notices WHERE verdict IS NULL)"


async def relatives(bench: Bench) -> list[Figure]:
    """Measure notices judged per second by one worker, each order with a sendid of its own."""
    results = await interleaved(
        bench,
        {scope: partial(_rate, bench, scope) for scope in ("order", "none")},
    )
    return [
        Figure(
            "relatives",
            "notices judged by one worker, with relatives and reviews",
            "/s",
            tuple(results["order"]),
            tuple(results["none"]),
            "RELAY_SENDID_SCOPE=none",
            Requirement(least=LEAST_RATIO, of="ratio"),
        )
    ]


async def _rate(bench: Bench, scope: str) -> float:
    """Return notices judged per second, from the commit of all to the last verdict."""
    count = max(100, round(_ORDERS * bench.effort.share))
    queries = [
        f"order_no=order-{number}&status={status}&sendid=purchase-{number}&{_VALUES}"
        for status in _STATUSES
        for number in range(count)
    ]
    async with bench.site({"SENDID_SCOPE": scope}) as site:
        connection = await connect(site.database_url or "")
        try:
            together = connection.transaction()
            await together.start()
            await append(connection, queries)
            async with site.role("work"):
                await together.commit()
                await connection.execute(f"NOTIFY {NOTICES}")
                return len(queries) / await until(connection, _ALL_JUDGED)
        finally:
            await connection.close()
