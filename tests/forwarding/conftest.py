"""Fixtures of the tests of delivery."""

import pytest

from app.crypto.vault import Vault
from app.db.engine import Sessions
from tests.forwarding.delivery_setup import KEY, DeliverySetup


@pytest.fixture
def setup(sessions: Sessions, database_url: str) -> DeliverySetup:
    """An empty setup on the test's own database."""
    return DeliverySetup(sessions, database_url, Vault([KEY]))
