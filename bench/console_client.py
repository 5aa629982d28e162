"""Client of the console and the API: a signed-in operator who opens one page after the other."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
_PATIENCE_S = 60.0


class NotAnswered(Exception):
    """The answer is an error or another page; the text holds the path and the status."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A signed-in operator."""

    session: aiohttp.ClientSession
    base: str

    async def ask(self, path: str) -> float:
        """Return the time of a page in milliseconds, with redirects and body. Raise NotAnswered."""
        started = time.perf_counter()
        async with self.session.get(self.base + path) as response:
            await response.read()
            if response.status != 200 or "/sign-in" in response.url.path:
                raise NotAnswered(f"{path}: {response.status}")
        return (time.perf_counter() - started) * 1000


@asynccontextmanager
async def signed_in(port: int, token: str) -> AsyncIterator[SignedIn]:
    """Sign in at this port of this machine."""
    base = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.CookieJar(
            unsafe=True
        ),  # which accepts cookies from an address without a name
        headers={"Authorization": f"Bearer {token}"},
        timeout=aiohttp.ClientTimeout(total=_PATIENCE_S),
    ) as session:
        async with session.get(f"{base}/sign-in") as response:
            found = _CSRF.search(await response.text())
        if found is None:
            raise NotAnswered("/sign-in: there is no form")
        async with session.post(
            f"{base}/sign-in", data={"csrf": found[1], "token": token}
        ) as response:
            if response.status != 200:
                raise NotAnswered(f"/sign-in: {response.status}")
        yield SignedIn(session, base)
