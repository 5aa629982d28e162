"""A Chromium for the tests of the result page."""

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser

from tests.console.browsing import chromium, connected


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chromium(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture
async def browser(endpoint: str) -> AsyncIterator[Browser]:
    async with connected(endpoint) as running:
        yield running
