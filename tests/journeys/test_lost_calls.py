"""Real processes while every third call of a simulated Zeus is lost and all its mails come."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from app.db.connections import Connection, connect
from tests.chaos.lost_calls import DROP_EVERY, SETTINGS, play_with_mails
from tests.journeys.conftest import Site
from tests.processes import Starter

_ORDERS = 45
_PATIENCE_S = 90.0
_OPEN = "SELECT count(*) FROM mails WHERE state IN ('unread', 'waiting')"
_REVIEWS = """
SELECT order_no, details ->> 'status' AS status FROM reviews
WHERE reason = 'call_missing' AND settled_at IS NULL
"""
_OF_MAILS = "SELECT count(*) FROM notices WHERE origin = 'mail'"


@pytest.mark.slow
async def test_each_lost_call_is_one_review(site: Site, starter: Starter, tmp_path: Path) -> None:
    settings = {**site.settings, **SETTINGS, "MAIL_MODE": "observe"}
    relay = starter.start("up", **settings)
    host, port = await relay.ready("receiver")
    calls = await play_with_mails(
        f"http://{host}:{port}/zeus/notify", settings, tmp_path / "mails", _ORDERS, _PATIENCE_S
    )
    lost = Counter(
        (order_no, call["status"])
        for order_no, made in calls.items()
        for call in made
        if call["lost"]
    )
    assert lost.total() == sum(map(len, calls.values())) // DROP_EVERY
    connection = await connect(site.database_url)
    try:
        await _all_matched(connection)
        reviews = await connection.fetch(_REVIEWS)
        assert lost == Counter((review["order_no"], review["status"]) for review in reviews)
        assert 0 == await connection.fetchval(_OF_MAILS)
    finally:
        await connection.close()


async def _all_matched(connection: Connection) -> None:
    """Wait until every mail has found its call, or has waited for it in vain."""
    async with asyncio.timeout(_PATIENCE_S):
        while await connection.fetchval(_OPEN):
            await asyncio.sleep(0.2)
