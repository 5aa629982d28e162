"""Sign-in, roles, CSRF, security headers and masking in the console."""

import asyncio
import ipaddress
import re
import time
from dataclasses import replace
from datetime import timedelta
from html import escape, unescape
from pathlib import Path
from urllib.parse import quote, unquote
from uuid import uuid4

import pytest

from app.clock import now
from app.console.application import ENTRIES, Entry
from app.console.http.security_headers import CONTENT_SECURITY_POLICY
from app.console.http.session import COOKIE, Session, new_session, opened, seal
from app.console.http.sign_in_limiter import SLOW_AFTER, SLOW_SECONDS
from app.crypto.vault import Vault
from app.db.engine import make_engine, make_sessions
from app.network.allowed_sources import SourceCheck, Sources
from app.operations.access.permissions import SERVICE, Role
from app.operations.access.sessions import end_session
from app.operations.access.tokens import NewToken, create_token, revoke_token
from app.operations.subscribers.recovery import RecoveryRequest, recover
from tests.console.console_setup import SECRET_SETTING, Console, running_console
from tests.forwarding.delivery_setup import KEY
from tests.operations.operations_setup import ORDER_NO, PERSONAL, OperationsSetup

TABLES = (
    "notices", "orders", "events", "subscribers", "subscriber_secrets", "outbound_webhooks",
    "rejected_samples", "audit_entries", "operator_tokens",
)  # fmt: skip
GUARDED = [entry for entry in ENTRIES if entry.role is not None]
SIGNED_OUT = {"/sign-out", "/language"}


def path_of(entry: Entry, ids: dict[str, str]) -> str:
    path = entry.path
    for name, value in ids.items():
        path = path.replace(name, value)
    assert "{" not in path, path
    return f"{path}?of={ids['recovery']}" if path.endswith("/progress") else path


async def fill(console: Console) -> dict[str, str]:
    """Fill the database; return the values of the path parameters."""
    setup = console.setup
    await setup.add("shop")
    notice, *_ = await setup.judged("04", "05")
    await setup.call("99")
    await setup.judge()
    await setup.run(
        "UPDATE outbound_webhooks SET state = 'dead', finished_at = now() "
        "WHERE id = (SELECT min(id) FROM outbound_webhooks)"
    )
    await setup.run(
        "INSERT INTO rejected_samples "
        "(id, lane, received_at, source, method, target, headers, body) "
        "SELECT id, lane, received_at, source, method, target, headers, body "
        "FROM notices WHERE id = :id",
        id=notice,
    )
    webhook = (await setup.rows("SELECT id FROM outbound_webhooks WHERE state = 'dead'"))[0].id
    recovery = await recover(
        setup.sessions,
        RecoveryRequest(subscriber="shop", since=now() - timedelta(hours=1)),
        SERVICE,
    )
    await create_token(setup.sessions, NewToken(name="shop", role=Role.VIEWER), SERVICE)
    ids = {
        "recovery": str(recovery.id),
        "{order_no:path}": ORDER_NO,
        "{notice_id:uuid}": str(notice),
        "{sample_id:uuid}": str(notice),
    }
    return ids | {"{webhook_id}": str(webhook), "{name}": "shop"}


async def contents(console: Console) -> list[object]:
    """Return every row of the tables that actions can change."""
    rows = [
        await console.setup.rows(f"SELECT to_jsonb(t) - 'last_used_at' AS row FROM {table} AS t")
        for table in TABLES
    ]
    return [sorted(str(row.row) for row in table) for table in rows]


async def test_without_sign_in_nothing_is_shown_or_changed(console: Console) -> None:
    ids = await fill(console)
    before = await contents(console)
    async with console.client() as client:
        csrf = (await client.get("/sign-in")).csrf
        for entry in GUARDED:
            path = path_of(entry, ids)
            answer = await (client.get(path) if entry.method == "GET" else client.post(path, csrf))
            assert (303, "") == (answer.status, answer.text), entry
            assert answer.headers["location"].startswith("/sign-in"), entry
    assert before == await contents(console)


async def test_viewers_see_every_page_without_actions_and_change_nothing(console: Console) -> None:
    ids = await fill(console)
    before = await contents(console)
    async with console.client(Role.VIEWER) as client:
        csrf = (await client.get("/")).csrf
        for entry in GUARDED:
            path = path_of(entry, ids)
            answer = await (
                client.get(path)
                if entry.method == "GET"
                else client.post(path, csrf, reason="because", dry_run="no")
            )
            assert (200 if entry.role is Role.VIEWER else 403) == answer.status, entry
            assert answer.forms <= SIGNED_OUT, entry
            assert not [value for value in PERSONAL if value in answer.text], entry
    assert before == await contents(console)


async def test_operators_act_and_leave_subscribers_to_administrators(console: Console) -> None:
    ids = await fill(console)
    before = await contents(console)
    async with console.client(Role.OPERATOR) as client:
        csrf = (await client.get("/")).csrf
        for entry in GUARDED:
            if entry.role is Role.ADMIN:
                path = path_of(entry, ids)
                answer = await (
                    client.get(path)
                    if entry.method == "GET"
                    else client.post(
                        path,
                        csrf,
                        name="new",
                        url="https://a.example/",
                        role="admin",
                        understood="on",
                    )
                )
                assert 403 == answer.status, entry
        assert before == await contents(console)
        assert (
            f"/outbound-webhooks/{ids['{webhook_id}']}/retry"
            in (await client.get("/attention")).forms
        )
        assert f"/erase-order/{ORDER_NO}" not in (await client.get(f"/orders/{ORDER_NO}")).forms


@pytest.mark.parametrize(
    ("role", "seen"), [(Role.VIEWER, False), (Role.OPERATOR, False), (Role.ADMIN, True)]
)
async def test_links_to_tokens_and_audit_are_for_administrators(
    console: Console, role: Role, seen: bool
) -> None:
    await console.setup.judged("04")
    async with console.client(role) as client:
        text = "".join(
            [
                (await client.get(path)).text
                for path in ("/settings", "/onboarding", f"/orders/{ORDER_NO}")
            ]
        )
        assert (seen, seen, True) == (
            'href="/tokens"' in text,
            'href="/audit' in text,
            'href="/onboarding"' in text,
        )


async def test_a_form_without_a_valid_csrf_token_is_rejected(console: Console) -> None:
    ids = await fill(console)
    before = await contents(console)
    async with console.client(Role.ADMIN) as client, console.client(Role.ADMIN) as another:
        right, of_another = (await client.get("/")).csrf, (await another.get("/")).csrf
        for entry in ENTRIES:
            for csrf, headers in (
                ("", {}), (of_another, {}),
                (right, {"sec-fetch-site": "cross-site"}), (right, {"origin": "null"}),
                (right, {"origin": "https://evil.example"}),
                (right, {"referer": "https://evil.example/"}),
            ):  # fmt: skip
                if entry.method == "POST":
                    fields = {
                        "reason": "because",
                        "name": "x",
                        "url": "https://a.example/",
                        "role": "viewer",
                        "understood": "on",
                    }
                    answer = await client.post(path_of(entry, ids), csrf, headers=headers, **fields)
                    assert 403 == answer.status, (entry, csrf, headers)
        assert 200 == (await client.get("/")).status, "still signed in"
    assert before == await contents(console)


async def test_every_answer_has_security_headers(console: Console) -> None:
    async with console.client() as client:
        sign_in = await client.get("/sign-in")
        style = sign_in.text.partition('rel="stylesheet" href="')[2].partition('"')[0]
        for path in ("/sign-in", "/", "/no-such-page", style):
            headers = (await client.get(path)).headers
            assert CONTENT_SECURITY_POLICY == headers["content-security-policy"], path
            assert ("nosniff", "DENY", "same-origin") == tuple(
                headers[name]
                for name in ("x-content-type-options", "x-frame-options", "referrer-policy")
            )
        assert "no-store" == sign_in.headers["cache-control"]
        assert "immutable" in (await client.get(style)).headers["cache-control"]
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY


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


async def test_personal_data_is_shown_to_operators_on_demand_and_audited(console: Console) -> None:
    ids = await fill(console)
    async with console.client(Role.OPERATOR) as client:
        for path in (
            f"/orders/{ORDER_NO}",
            f"/notices/{ids['{notice_id:uuid}']}",
            f"/rejected-samples/{ids['{sample_id:uuid}']}",
        ):
            assert not [value for value in PERSONAL if value in (await client.get(path)).text]
            shown = await client.post(path)
            assert [value for value in PERSONAL if value in shown.text] == list(PERSONAL), path
    looks = await console.setup.rows(
        "SELECT operator, via FROM audit_entries WHERE action = 'personal_data.seen'"
    )
    assert [("a-operator", "console")] * 3 == [tuple(look) for look in looks]


async def test_settings_hide_secrets_and_source_addresses(console: Console) -> None:
    async with console.client(Role.ADMIN) as client:
        text = (await client.get("/settings")).text
    assert SECRET_SETTING not in text
    assert "192.0.2" not in text
    assert "198.51.100" not in text
    assert "2 set, hidden" in text
    assert "RELAY_NOTIFY_TOKEN" in text


async def test_an_ended_session_redirects_htmx_to_sign_in(
    console: Console,
) -> None:
    async with console.client() as client:
        answer = await client.get("/", **{"hx-request": "true"})
        assert (401, "/sign-in", "") == (answer.status, answer.headers["hx-redirect"], answer.text)


async def test_every_kind_of_subscriber_is_added_shown_and_rotated(
    console: Console,
) -> None:
    async with console.client(Role.ADMIN) as client:
        for method, begins in (("secret", "whsec_"), ("key_pair", "whpk_"), ("feed", "zft_")):
            added = await client.post(
                "/add-subscriber",
                name=method,
                url="https://shop.example/hooks",
                delivery_method=method,
            )
            shown = await client.get(f"/subscribers/{method}")
            rotated = await client.post(f"/subscribers/{method}/rotate", overlap_hours="1")
            first, second = (
                re.findall(rf'id="secret"[^>]*>({begins}[^<]+)<', answer.text)
                for answer in (added, rotated)
            )
            assert (200, 200, 200) == (added.status, shown.status, rotated.status)
            assert len({*first, *second}) == 2
            assert (f"/subscribers/{method}/test" in shown.forms) == (method != "feed")
            assert begins == "whpk_" or first[0] not in shown.text


async def test_an_invalid_subscriber_shows_the_form_again(console: Console) -> None:
    await console.setup.add("shop")
    async with console.client(Role.ADMIN) as client:
        for name, url, problem in (
            ("shop", "https://shop.example/", "A subscriber with this name already exists."),
            ("a b", "https://shop.example/", "A name has 1 to 100 letters"),
            ("new", "ftp://shop.example/", "Webhooks cannot be sent to this URL."),
            ("new", "", "Webhooks cannot be sent to this URL."),
            ("x" * 101, "https://shop.example/", "A name has 1 to 100 letters"),
        ):
            answer = await client.post("/add-subscriber", name=name, url=url)
            assert (422, True) == (answer.status, problem in answer.text), name
            assert f'value="{escape(name)}"' in answer.text


async def test_any_order_number_redirects_to_its_order(console: Console) -> None:
    odd = "a/b?c#d%20 &ア"
    await console.setup.judged("04", order_no=odd)
    await console.setup.judged("99", order_no="1234-56789-09999")
    async with console.client(Role.VIEWER) as client:
        for order_no in (odd, "1234-56789-09999"):
            found = await client.get(f"/orders?order_no={quote(order_no)}")
            assert (303, f"/orders/{quote(order_no, safe='')}") == (
                found.status,
                found.headers["location"],
            )
            page = await client.get(found.headers["location"])
            assert (200, True) == (page.status, escape(order_no) in page.text)
            back = page.text.partition('name="back" value="')[2].partition('"')[0]
            assert f"/orders/{order_no}" == unquote(unescape(back))


async def test_full_width_search_values(console: Console) -> None:
    await console.setup.judged("04", order_no="1234-56789-01234", money="5400")
    async with console.client(Role.VIEWER) as client:
        found = await client.get(f"/orders?order_no={quote('１２３４ー５６７８９－０１２３４　')}")
        assert (303, "/orders/1234-56789-01234") == (found.status, found.headers["location"])
        for asked in ("money=￥5,400", "money=５４００円", "date=2000年1月3日"):
            page = await client.get("/orders?" + quote(asked, safe="="))
            assert (200, "money" in asked) == (page.status, "1234-56789-01234" in page.text), asked


async def test_pages_report_an_unavailable_database(setup: OperationsSetup, tmp_path: Path) -> None:
    engine = make_engine("postgresql://nobody@127.0.0.1:1/nothing")
    away = replace(setup, sessions=make_sessions(engine))
    async with (
        running_console(setup, tmp_path, shown=away) as console,
        console.client(Role.ADMIN) as client,
    ):
        for path in ("/", f"/orders/{ORDER_NO}", "/attention"):
            answer = await client.get(path)
            assert (503, True) == (
                answer.status,
                "The database does not answer." in answer.text,
            ), path
        assert 503 == (await client.get("/settings")).status, (
            "nobody can say whether the session was signed out"
        )
    await engine.dispose()


async def test_missing_and_too_large_requests_get_error_pages(console: Console) -> None:
    async with console.client(Role.ADMIN) as client:
        for path in (
            "/nothing",
            "/orders/unknown",
            "/subscribers/unknown",
            "/notices/01a20708-8bc3-70ed-933e-5ad5055d4ca3",
            "/static/x",
        ):
            assert 404 == (await client.get(path)).status, path
        assert 405 == (await client.post("/settings", "x")).status
        assert 413 == (await client.post("/language", "x", back="x" * 70_000)).status
