"""The API behind a real server on a loopback port, on the test's own database."""

from collections.abc import AsyncIterator

import pytest

from app.crypto.vault import Vault
from app.db.engine import Sessions
from tests.api.api_client import Api, serving
from tests.forwarding.delivery_setup import KEY
from tests.operations.operations_setup import OperationsSetup


@pytest.fixture
def world(sessions: Sessions, database_url: str) -> OperationsSetup:
    """An empty world on the test's own database."""
    return OperationsSetup(sessions, database_url, Vault([KEY]))


@pytest.fixture
async def api(world: OperationsSetup) -> AsyncIterator[Api]:
    """A client of the API with the right token."""
    async with serving(world.sessions, world.vault) as client:
        yield client
