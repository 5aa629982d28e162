"""The service as its users run it: real processes on a real Postgres, and a merchant's system at the other end."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.events.signature import new_secret
from tests.processes import Starter, processes, service_settings
from tests.subscriber import Subscriber, subscriber


@pytest.fixture
def starter(tmp_path: Path) -> Iterator[Starter]:
    """Starts processes that end with the test."""
    with processes(tmp_path) as started:
        yield started


@dataclass
class Site:
    """A merchant's installation: the settings all its processes share, and the subscriber that is declared in them."""

    settings: dict[str, str]
    merchant: Subscriber
    database_url: str


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    """Settings for processes on the test's database, with one subscriber that asked for personal data too."""
    secret = new_secret()
    async with subscriber(secret) as merchant:
        declared = [{"name": "shop", "url": merchant.url, "customer": True, "secret": secret}]
        yield Site({**service_settings(database_url), "SUBSCRIBERS": json.dumps(declared)}, merchant, database_url)
