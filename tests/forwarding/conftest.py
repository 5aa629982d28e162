"""Fixtures of the tests of delivery."""

import pytest

from app.db.engine import Sessions
from app.forwarding.secrets import Vault
from tests.forwarding.delivery_world import KEY, World


@pytest.fixture
def world(sessions: Sessions, database_url: str) -> World:
    """An empty world on the test's own database."""
    return World(sessions, database_url, Vault([KEY]))
