"""Sign-in, roles, CSRF, security headers and masking in the console."""

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.clock import now
from app.console.application import ENTRIES, Entry
from app.console.http.security_headers import CONTENT_SECURITY_POLICY
from app.db.engine import make_engine, make_sessions
from app.operations.access.permissions import SERVICE, Role
from app.operations.access.tokens import NewToken, create_token
from app.operations.reconciliations.reconciliations import start_reconciliation
from app.operations.subscribers.recovery import RecoveryRequest, recover
from tests.api.api_walk import application, mail
from tests.console.console_setup import SECRET_SETTING, Console, running_console
from tests.operations.operations_setup import ORDER_NO, PERSONAL, OperationsSetup
from tests.reconciliation.files import export

TABLES = (
    "notices", "orders", "events", "subscribers", "subscriber_secrets", "outbound_webhooks",
    "rejected_samples", "audit_entries", "operator_tokens", "reconciliations",
    "reviews", "review_notes", "unwanted", "applications", "mails",
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
    file = io.BytesIO(export(f"{ORDER_NO},入金済,5400"))
    reconciliation = await start_reconciliation(setup.sessions, file, SERVICE)
    [review] = await setup.rows("SELECT id FROM reviews WHERE reason = 'quarantined'")
    ids = {
        "recovery": str(recovery.id),
        "{reconciliation_id:uuid}": str(reconciliation.id),
        "{order_no:path}": ORDER_NO,
        "{notice_id:uuid}": str(notice),
        "{review_id:uuid}": str(review.id),
        "{sample_id:uuid}": str(notice),
        "{application_id:uuid}": str(await application(setup)),
        "{mail_id:uuid}": str(await mail(setup)),
    }
    await setup.run("UPDATE applications SET sendid = 'OT-261127151355-D001-1', test = 'confirmed'")
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
