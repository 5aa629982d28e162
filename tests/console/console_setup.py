"""Console on a real listener and database, with tokens of every role, and an HTTP client."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_from_bytes

import aiohttp
from yarl import URL

from app.applications.apply import Applicant
from app.console.application import make_console
from app.console.http.dependencies import ConsoleDependencies
from app.console.views.effective_settings import shown_settings
from app.main.process.listeners import HttpListener
from app.network.allowed_sources import SourceCheck, Sources
from app.operations.access.permissions import SERVICE, Role
from app.operations.access.tokens import NewToken, Tokens, create_token
from app.operations.monitoring.overview import Overviews
from app.operations.operational_test.background import TestSender
from app.settings import Settings
from tests.operations.operations_setup import RULES, OperationsSetup

ADMIN_TOKEN = "for-tests-only-make-your-own"
SECRET_SETTING = "k3VQ8mZ1xWb7Tn5cRj9uYd2L"


@dataclass(frozen=True)
class Console:
    """A running console: its URL, the tokens by role, and its setup."""

    url: str
    tokens: dict[Role, str]
    setup: OperationsSetup

    @asynccontextmanager
    async def client(self, role: Role | None = None) -> AsyncIterator["ConsoleClient"]:
        """Yield an HTTP client, signed in with this role's token if a role is given."""
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(
            cookie_jar=jar, connector=aiohttp.TCPConnector(force_close=True)
        ) as session:
            client = ConsoleClient(session, self.url)
            if role is not None:
                assert (await client.sign_in(self.tokens[role])).status == 303
            yield client


@dataclass(frozen=True)
class Answer:
    """An answer of the console."""

    status: int
    headers: Any
    text: str

    @property
    def csrf(self) -> str:
        """Return the CSRF token of the page's first form."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.text)
        assert found, self.text[:500]
        return found[1]

    @property
    def forms(self) -> set[str]:
        """Return the actions of the page's POST forms."""
        return set(re.findall(r'<form method="post" action="([^"]+)"', self.text))


@dataclass(frozen=True)
class ConsoleClient:
    """HTTP client with a cookie jar; it does not follow redirects."""

    session: aiohttp.ClientSession
    base: str

    async def get(self, path: str, **headers: str) -> Answer:
        return await self._request("GET", path, headers=headers)

    async def post(
        self,
        path: str,
        csrf: str | None = None,
        headers: dict[str, str] | None = None,
        **fields: str,
    ) -> Answer:
        """Send a form. Without `csrf`, use the token of the settings or sign-in page."""
        return await self.post_form(path, fields, csrf, headers)

    async def post_form(
        self,
        path: str,
        fields: Mapping[str, str],
        csrf: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a form with fields of any name, as `post` does."""
        if csrf is None:
            csrf = (await self._request("GET", "/settings", follow=True)).csrf
        return await self._request("POST", path, data={"csrf": csrf, **fields}, headers=headers)

    async def sign_in(self, token: str) -> Answer:
        """Send the form of the sign-in page."""
        return await self.post("/sign-in", (await self.get("/sign-in")).csrf, token=token)

    def cookie(self, name: str) -> str | None:
        """Return the value of a stored cookie, or None."""
        found = self.session.cookie_jar.filter_cookies(URL(self.base)).get(name)
        return found.value if found else None

    async def get_as_it_is(self, path: str) -> Answer:
        """Send a GET whose path and query are not re-encoded."""
        async with self.session.get(
            URL(self.base + path, encoded=True), allow_redirects=False
        ) as response:
            return Answer(response.status, response.headers, await response.text())

    async def post_bytes(self, path: str, csrf: str, name: str, value: bytes) -> Answer:
        """Send a form with one field of any bytes beside the CSRF token."""
        form = f"csrf={quote(csrf)}&{name}=".encode() + quote_from_bytes(value).encode()
        return await self._request(
            "POST", path, data=form, headers={"content-type": "application/x-www-form-urlencoded"}
        )

    async def _request(
        self, method: str, path: str, *, follow: bool = False, **options: Any
    ) -> Answer:
        async with self.session.request(
            method, self.base + path, allow_redirects=follow, **options
        ) as response:
            return Answer(response.status, response.headers, await response.text())


@asynccontextmanager
async def running_console(
    setup: OperationsSetup,
    spool: Path,
    *,
    shown: OperationsSetup | None = None,
    tokens: dict[Role, str] | None = None,
    source_check: SourceCheck | None = None,
    applicant: Applicant | None = None,
) -> AsyncIterator[Console]:
    """Run a console on `setup`, or with pages that show `shown`.

    Without `tokens`, create them in `setup`. A second console on the same database gets them.
    """
    tokens = tokens or await _make_tokens(setup)
    settings = Settings(
        notify_token=SECRET_SETTING, allowed_sources="192.0.2.10/32,198.51.100.0/28"
    )
    sender = TestSender(setup.sessions, applicant)
    dependencies = ConsoleDependencies(
        sessions=(shown or setup).sessions,
        vault=setup.vault,
        tokens=Tokens(setup.sessions, ADMIN_TOKEN),
        overviews=Overviews((shown or setup).sessions, spool),
        rules=RULES,
        source_check=source_check or SourceCheck(Sources(())),
        applicant=applicant,
        test_sender=sender,
        support="0120-000-000",
        settings=shown_settings(
            settings,
            {"RELAY_NOTIFY_TOKEN": SECRET_SETTING, "RELAY_ALLOWED_SOURCES": "x"},
            file="no-such-file",
        ),
    )
    listener = HttpListener(make_console(dependencies), "127.0.0.1", 0)
    running = asyncio.create_task(listener.run())
    try:
        yield Console(f"http://{listener.address}", tokens, setup)
    finally:
        listener.stop()
        await running
        await sender.close()


async def _make_tokens(setup: OperationsSetup) -> dict[Role, str]:
    tokens = {Role.ADMIN: ADMIN_TOKEN}
    for role in (Role.VIEWER, Role.OPERATOR):
        tokens[role] = (
            await create_token(setup.sessions, NewToken(name=f"a-{role}", role=role), SERVICE)
        ).token
    return tokens
