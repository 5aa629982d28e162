"""Fixtures of the tests of the console."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.db.engine import Sessions
from app.forwarding.secrets import Vault
from tests.console.console_world import Console, running_console
from tests.forwarding.delivery_world import KEY
from tests.operating.operating_world import OperatingWorld


@pytest.fixture
def world(sessions: Sessions, database_url: str) -> OperatingWorld:
    """An empty world on the test's own database."""
    return OperatingWorld(sessions, database_url, Vault([KEY]))


@pytest.fixture
async def console(world: OperatingWorld, tmp_path: Path) -> AsyncIterator[Console]:
    """A running console."""
    async with running_console(world, tmp_path) as running:
        yield running
