"""Journeys: the service in real processes on a real Postgres, with a real subscriber."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from app.db.connections import connect
from app.events.signature import new_secret
from tests.processes import Starter, processes, service_settings
from tests.subscriber import Subscriber, subscriber


@pytest.fixture
def starter(tmp_path: Path) -> Iterator[Starter]:
    """Yield a starter of processes that end with the test."""
    with processes(tmp_path) as started:
        yield started


@dataclass
class Site:
    """An installation: the settings of all its processes, and the subscriber declared there."""

    settings: dict[str, str]
    merchant: Subscriber
    database_url: str


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    """Yield settings on the test's database, with one subscriber that gets personal data."""
    secret = new_secret()
    async with subscriber(secret) as merchant:
        declared = [{"name": "shop", "url": merchant.url, "customer": True, "secret": secret}]
        yield Site(
            {**service_settings(database_url), "SUBSCRIBERS": json.dumps(declared)},
            merchant,
            database_url,
        )


async def judged_notices(database_url: str, patience: float = 20) -> list[asyncpg.Record]:
    """Wait until every notice is judged, and return them in order of arrival."""
    connection = await connect(database_url)
    try:
        async with asyncio.timeout(patience):
            while await connection.fetchval("SELECT count(*) FROM notices WHERE verdict IS NULL"):
                await asyncio.sleep(0.02)
        return list(await connection.fetch("SELECT * FROM notices ORDER BY id"))
    finally:
        await connection.close()
