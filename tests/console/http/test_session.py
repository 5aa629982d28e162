"""Sessions of the console: cookie, sign-in, sign-out and limits for failed sign-ins."""

import asyncio
import ipaddress
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from app.clock import now
from app.console.http.session import COOKIE, Session, new_session, opened, seal
from app.console.http.sign_in_limiter import SLOW_AFTER, SLOW_SECONDS
from app.crypto.vault import Vault
from app.network.allowed_sources import SourceCheck, Sources
from app.operations.access.permissions import SERVICE, Role
from app.operations.access.sessions import end_session
from app.operations.access.tokens import revoke_token
from tests.console.console_setup import Console, running_console
from tests.forwarding.delivery_setup import KEY
from tests.operations.operations_setup import ORDER_NO


async def test_the_session_cookie_is_http_only_same_site_and_secure(
    console: Console,
) -> None:
    async with console.client() as client:
        answer = await client.sign_in(console.tokens[Role.OPERATOR])
        cookie = next(
            cookie for cookie in answer.headers.getall("set-cookie") if cookie.startswith(COOKIE)
        )
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        assert console.tokens[Role.OPERATOR] not in cookie
        secure = await client.post(
            "/language", language="ja", headers={"x-forwarded-proto": "https"}
        )
        assert "; Secure" in secure.headers["set-cookie"]


async def test_a_session_ends_by_time_revocation_or_sign_out(console: Console) -> None:
    vault = Vault([KEY])
    session = new_session("zrt_x")
    assert session == opened(seal(session, vault), vault)
    assert opened(seal(replace(session, until=int(time.time()) - 1), vault), vault) is None
    async with console.client(Role.OPERATOR) as client:
        assert 200 == (await client.get("/settings")).status
        await revoke_token(console.setup.sessions, "a-operator", SERVICE)
        deadline = time.monotonic() + 6
        while (await client.get("/settings")).status == 200:
            assert time.monotonic() < deadline, (
                "a revoked token must end its sessions within seconds"
            )
    async with console.client(Role.VIEWER) as client:
        assert 303 == (await client.post("/sign-out")).status
        assert 303 == (await client.get("/settings")).status


async def test_a_copied_cookie_is_invalid_after_sign_out(console: Console, tmp_path: Path) -> None:
    async with console.client(Role.ADMIN) as client, console.client(Role.ADMIN) as another:
        copied = {"cookie": f"{COOKIE}={client.cookie(COOKIE)}"}
        async with (
            running_console(console.setup, tmp_path, tokens=console.tokens) as second,
            second.client() as thief,
        ):
            assert 200 == (await thief.get("/settings", **copied)).status, (
                "sealed with the same keys"
            )
            assert 303 == (await client.post("/sign-out")).status
            for path in ("/settings", "/orders", "/"):
                assert "/sign-in" in (await thief.get(path, **copied)).headers["location"], path
            assert 200 == (await thief.get("/sign-in", **copied)).status, "nor is it redirected"
        assert 200 == (await another.get("/settings")).status, (
            "another session with the same token goes on"
        )


async def test_signed_out_sessions_are_stored_until_their_cookie_expires(
    console: Console,
) -> None:
    old = uuid4()
    await end_session(console.setup.sessions, old, now() - timedelta(seconds=1))
    async with console.client(Role.VIEWER) as client:
        await client.post("/sign-out")
    rows = await console.setup.rows(
        "SELECT id, until > now() + interval '11 h' AS lasting FROM ended_sessions"
    )
    assert [(True, True)] == [(row.id != old, row.lasting) for row in rows]


@pytest.mark.parametrize(
    "cookie", ["", "x", "é", "gAAAAABm", seal(new_session("zrt_x"), Vault([KEY]))[:-3]]
)
def test_a_forged_cookie_is_no_session(cookie: str) -> None:
    assert opened(cookie, Vault([KEY])) is None


def test_other_texts_sealed_with_the_same_keys_are_no_session() -> None:
    vault = Vault([KEY])
    for text in (
        "whsec_abc",
        "[]",
        '{"csrf": "a", "until": 99999999999, "token": "zrt_x"}',
        '{"for": "console-session", "csrf": "a", "until": 99999999999, "token": "zrt_x"}',
    ):
        assert opened(vault.seal(text).decode(), vault) is None
    session = Session(uuid4(), "a", 99999999999)
    assert opened(seal(session, vault), vault) == session


async def test_guessing_tokens_is_rate_limited(console: Console) -> None:
    async with console.client() as client:
        for _ in range(5):
            answer = await client.sign_in("zrt_guessed")
            assert (403, True) == (answer.status, "This token is not valid." in answer.text)
            assert "zrt_guessed" not in answer.text
        assert 429 == (await client.sign_in("zrt_guessed")).status
        assert 429 == (await client.sign_in(console.tokens[Role.ADMIN])).status, (
            "nor does a right guess help now"
        )


async def test_guessing_locks_out_no_other_address(console: Console, tmp_path: Path) -> None:
    proxied = SourceCheck(Sources((), (ipaddress.ip_network("127.0.0.1"),)))
    async with (
        running_console(
            console.setup, tmp_path, tokens=console.tokens, source_check=proxied
        ) as behind,
        behind.client() as client,
    ):
        csrf = (await client.get("/sign-in")).csrf

        async def sign_in(address: str, token: str) -> int:
            headers = {
                "x-forwarded-for": address,
                "x-forwarded-host": "console.example",
                "origin": "https://console.example",
            }
            return (await client.post("/sign-in", csrf, headers=headers, token=token)).status

        guesses = [
            asyncio.create_task(sign_in(f"198.51.100.{number // 3}", "zrt_guessed"))
            for number in range(60)
        ]
        await asyncio.wait(guesses[:SLOW_AFTER], return_when=asyncio.FIRST_COMPLETED)
        assert 403 == await sign_in("203.0.113.9", "zrt_guessed")
        began = time.monotonic()
        assert 303 == await sign_in("203.0.113.10", console.tokens[Role.VIEWER])
        assert time.monotonic() - began < SLOW_SECONDS, "a right token is not slowed"
        assert [403] * 60 == await asyncio.gather(*guesses)


async def test_sign_in_redirects_to_the_requested_page_only(
    console: Console,
) -> None:
    async with console.client() as client:
        asked = await client.get(f"/orders/{ORDER_NO}")
        assert f"/sign-in?next=/orders/{ORDER_NO}" == asked.headers["location"]
        for following, leads_to in (
            (f"/orders/{ORDER_NO}", f"/orders/{ORDER_NO}"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
        ):
            csrf = (await client.get("/sign-in")).csrf
            answer = await client.post(
                "/sign-in", csrf, token=console.tokens[Role.VIEWER], next=following
            )
            assert (303, leads_to) == (answer.status, answer.headers["location"])
            await client.post("/sign-out")


async def test_a_cross_site_link_reloads_with_the_cookie(
    console: Console,
) -> None:
    async with console.client() as client:
        answer = await client.get("/attention", **{"sec-fetch-site": "cross-site"})
        assert (200, True) == (
            answer.status,
            '<meta http-equiv="refresh" content="0">' in answer.text,
        )


async def test_an_ended_session_redirects_htmx_to_sign_in(
    console: Console,
) -> None:
    async with console.client() as client:
        answer = await client.get("/", **{"hx-request": "true"})
        assert (401, "/sign-in", "") == (answer.status, answer.headers["hx-redirect"], answer.text)
