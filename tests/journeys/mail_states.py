"""What is to become of mails and of the orders in them, and waiting until it has."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import asyncpg

from tests.journeys.crew import fetch, settled, until
from tests.processes import Process

STATES = {
    "01": "awaiting_payment",
    "04": "paid",
    "05": "confirmed",
    "06": "reversed",
    "11": "paid_after_cancel",
    "12": "confirmed_after_cancel",
    "13": "reversed_after_cancel",
}
OPEN = "SELECT 1 FROM mails WHERE state IN ('unread', 'waiting') LIMIT 1"
EVENTS = "SELECT order_no, status FROM events WHERE status IS NOT NULL"
MISSING = "SELECT order_no, settled_at, settled_by FROM reviews WHERE reason = 'call_missing'"


def lost(calls: Mapping[str, list[Any]]) -> list[tuple[str, int]]:
    """Return order and number of every lost call."""
    return [(order_no, one["n"]) for order_no, made in calls.items() for one in made if one["lost"]]


async def all_read(url: str, mails: int, patience: float) -> None:
    """Wait until so many mails about statuses have had their calls or their time."""

    async def is_done() -> bool:
        query = "SELECT count(*) AS count FROM mails WHERE kind <> 'call_failed'"
        [row] = await fetch(url, query)
        return row["count"] == mails and not await fetch(url, OPEN) and await settled(url)

    try:
        await until(is_done, patience)
    except TimeoutError:
        query = "SELECT state, belief, count(*) FROM mails GROUP BY 1, 2"
        raise AssertionError(f"{mails}: {await fetch(url, query)}") from None


async def address_of(relay: Process) -> str:
    host, port = await relay.ready("receiver")
    return f"http://{host}:{port}/zeus/notify"


def as_told(rows: list[asyncpg.Record]) -> Counter[tuple[str, str]]:
    return Counter((row["order_no"], row["status"]) for row in rows)
