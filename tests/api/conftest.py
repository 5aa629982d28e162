"""API on a real server on a loopback port, with the test's own database."""

from collections.abc import AsyncIterator

import pytest

from app.crypto.vault import Vault
from app.db.engine import Sessions
from tests.api.api_client import Api, serving
from tests.applications.application_setup import applying, ok_answer
from tests.forwarding.delivery_setup import KEY
from tests.operations.operations_setup import OperationsSetup
from tests.simulator.simulator_server import listening, saying


@pytest.fixture
def setup(sessions: Sessions, database_url: str) -> OperationsSetup:
    """An empty setup on the test's own database."""
    return OperationsSetup(sessions, database_url, Vault([KEY]))


@pytest.fixture
async def api(setup: OperationsSetup) -> AsyncIterator[Api]:
    """A client of the API with the admin token. A server beside it accepts every application."""
    async with (
        listening(saying(ok_answer())) as zeus,
        applying(setup.sessions, zeus.url()) as applicant,
        serving(setup.sessions, setup.vault, applicant=applicant) as client,
    ):
        yield client
