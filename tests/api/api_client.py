"""A client for the tests of the API: HTTP over a real socket, every answer checked to be what the OpenAPI document says."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from app.api.application import make_api
from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.main.process.listeners import HttpListener
from tests.operations.operations_setup import RULES

TOKEN = "for-tests-only-make-your-own"


@dataclass(frozen=True)
class Answer:
    """What came back; `json` is None where there was no JSON."""

    status: int
    headers: Any
    text: str
    json: Any

    @property
    def problem(self) -> tuple[int, str]:
        """Status and kind of a problem, which is checked to be a whole one."""
        assert self.headers["content-type"] == "application/problem+json"
        assert self.status == self.json["status"]
        assert self.json["title"]
        return self.status, self.json["type"].removeprefix("urn:zeus-relay:problem:")


@dataclass(frozen=True)
class Api:
    """Requests to one server. Paths are sent as they are, percent signs included."""

    session: aiohttp.ClientSession
    base: str
    document: dict[str, Any]

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        token: str | None = TOKEN,
        headers: Any = None,
        **options: Any,
    ) -> Answer:
        """Make a request, with the right token unless told otherwise."""
        headers = {
            **({"authorization": f"Bearer {token}"} if token is not None else {}),
            **(headers or {}),
        }
        url = URL(self.base + path, encoded=True)
        async with self.session.request(
            method, url, headers=headers, allow_redirects=False, **options
        ) as response:
            text = await response.text(errors="replace")
            value = json.loads(text) if "json" in response.headers.get("content-type", "") else None
            return Answer(response.status, response.headers, text, value)

    async def get(self, path: str, **options: Any) -> Answer:
        """GET a path under /v1."""
        return await self("GET", f"/v1{path}", **options)

    async def post(self, path: str, **options: Any) -> Answer:
        """POST to a path under /v1."""
        return await self("POST", f"/v1{path}", **options)


@asynccontextmanager
async def serving(sessions: Sessions, vault: Vault) -> AsyncIterator[Api]:
    """A running server and a client for it."""
    application = make_api(sessions, vault, admin_token=TOKEN, rules=RULES)
    listener = HttpListener(application, "127.0.0.1", 0)
    running = asyncio.create_task(listener.run())
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        try:
            yield Api(session, f"http://{listener.address}", application.openapi())
        finally:
            listener.stop()
            await running
