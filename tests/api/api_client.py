"""HTTP client of the API's tests: a real socket; an answer has status, headers and JSON."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from app.api.application import make_api
from app.applications.apply import Applicant
from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.main.process.listeners import HttpListener
from tests.operations.operations_setup import RULES

TOKEN = "for-tests-only-make-your-own"


@dataclass(frozen=True)
class Answer:
    """An answer; `json` is None if its body is not JSON."""

    status: int
    headers: Any
    text: str
    json: Any

    @property
    def problem(self) -> tuple[int, str]:
        """Return status and kind of a problem, after checking that it is complete."""
        assert self.headers["content-type"] == "application/problem+json"
        assert self.status == self.json["status"]
        assert self.json["title"]
        return self.status, self.json["type"].removeprefix("urn:zeus-relay:problem:")


@dataclass(frozen=True)
class Api:
    """Client of one server. Paths are sent unchanged, including percent signs."""

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
        """Send a request, with the admin token unless `token` differs."""
        headers = {
            **({"authorization": f"Bearer {token}"} if token is not None else {}),
            **(headers or {}),
        }
        url = URL(self.base + path, encoded=True)
        async with self.session.request(
            method, url, headers=headers, allow_redirects=False, **options
        ) as response:
            text = await response.text(errors="replace")
            kind = response.headers.get("content-type", "").partition(";")[0]
            value = json.loads(text) if kind.endswith("json") else None
            return Answer(response.status, response.headers, text, value)

    async def get(self, path: str, **options: Any) -> Answer:
        """Send a GET to a path under /v1."""
        return await self("GET", f"/v1{path}", **options)

    async def post(self, path: str, **options: Any) -> Answer:
        """Send a POST to a path under /v1."""
        return await self("POST", f"/v1{path}", **options)


@asynccontextmanager
async def serving(
    sessions: Sessions, vault: Vault, *, applicant: Applicant | None = None
) -> AsyncIterator[Api]:
    """Run a server and yield a client for it."""
    application = make_api(sessions, vault, admin_token=TOKEN, rules=RULES, applicant=applicant)
    listener = HttpListener(application, "127.0.0.1", 0)
    running = asyncio.create_task(listener.run())
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        try:
            yield Api(session, f"http://{listener.address}", application.openapi())
        finally:
            listener.stop()
            await running
