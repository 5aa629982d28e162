"""Wait until every received call is drained, judged and delivered, and gather what is there."""

import asyncio
from collections import Counter
from typing import Any

from app.db.connections import Connection, connect
from app.db.tables.orders import AWAITING, PROVISIONAL
from app.recording.spool.status import show_spool
from tests.chaos.load import Answer
from tests.chaos.site import Site
from tests.chaos.stores import blocking
from tests.chaos.verdict import Event, Observed

_EVERY_S = 0.25
_REST = 10
"""Least wait between two looks, as a multiple of the time that a look takes."""
_UNJUDGED = "SELECT count(*) FROM notices WHERE verdict IS NULL"
_NOTICES = "SELECT order_no, status, count(*) AS times FROM notices GROUP BY order_no, status"
_DUE = f"""
SELECT count(*) FROM orders WHERE {PROVISIONAL} OR ({AWAITING} AND pay_limit < '20260201')
"""
_EVENTS = "SELECT id, type, order_no, status, sequence FROM events"


async def settle(site: Site) -> list[str]:
    """Wait, and return unfinished work as problems when patience ends."""
    connection = await connect(site.store.admin_url)
    try:
        clock = asyncio.get_running_loop().time
        deadline = clock() + site.effort.patience_s
        while True:
            began = clock()
            left = await _left(site, connection)
            if not left or clock() > deadline:
                return left
            # With many events a look is expensive, and takes time from those who still work.
            await asyncio.sleep(max(_EVERY_S, _REST * (clock() - began)))
    finally:
        await connection.close()


async def gather(site: Site, answers: list[Answer]) -> Observed:
    """Return the records in the database and at the subscriber."""
    connection = await connect(site.store.admin_url)
    try:
        notices = {
            (row["order_no"], row["status"]): row["times"]
            for row in await connection.fetch(_NOTICES)
        }
        events = [
            Event(str(row["id"]), row["type"], (row["order_no"], row["status"]), row["sequence"])
            for row in await connection.fetch(_EVENTS)
        ]
    finally:
        await connection.close()
    webhooks = [[_event(*webhook) for webhook in each.received] for each in site.merchants]
    return Observed(answers, Counter(notices), events, webhooks)


async def _left(site: Site, connection: Connection) -> list[str]:
    """Return the unfinished work of the earliest stage."""
    spool = await blocking(show_spool, site.spool)
    if spool.segments or spool.refused_records:
        return [
            f"{spool.records} calls are still in the spool, and "
            f"{spool.refused_records} were quarantined"
        ]
    unjudged = await connection.fetchval(_UNJUDGED)
    if unjudged:
        return [f"{unjudged} notices are not judged"]
    due = await connection.fetchval(_DUE) if site.timers else 0
    if due:
        return [f"{due} timers are due"]
    due = {str(row["id"]) for row in await connection.fetch("SELECT id FROM events")}
    pending = sum(
        len(due - {webhook_id for webhook_id, _ in each.received}) for each in site.merchants
    )
    return [f"{pending} events have not arrived"] if pending else []


def _event(webhook_id: str, body: dict[str, Any]) -> Event:
    data = body["data"]
    fact = (data["order_no"], data["zeus"]["status"])
    return Event(webhook_id, body["type"], fact, data["sequence"])
