"""Permissions over HTTP: every route with the token of each role, and the audit of each action."""

import asyncio
from typing import Any

import pytest

from app.api.permissions import PERMISSIONS
from app.operations.access.permissions import ROLE_OF, Action, Role
from app.operations.access.tokens import REMEMBERED_SECONDS
from tests.api.api_client import Api
from tests.api.api_walk import BODIES, FILES, HEADERS, address, contents, filled, operations, token
from tests.operations.operations_setup import EMAIL, ORDER_NO, PERSONAL, SOURCE, OperationsSetup

OPERATOR_ROUTES = frozenset(
    {
        "release_notice",
        "dismiss_notice",
        "settle_review",
        "add_review_note",
        "mark_order_unwanted",
        "unmark_order_unwanted",
        "mark_sendid_unwanted",
        "unmark_sendid_unwanted",
        "release_rejected_sample",
        "dismiss_rejected_sample",
        "retry_outbound_webhook",
        "dismiss_outbound_webhook",
        "recover_outbound_webhooks",
        "start_recovery",
        "cancel_recovery",
        "start_reconciliation",
        "apply_for_slip",
        "resolve_application",
        "hand_in_mails",
        "heal_mail",
        "dismiss_mail",
        "pause_subscriber",
        "resume_subscriber",
        "send_test_webhook",
    }
)
ADMIN_ROUTES = frozenset(
    {
        "erase_order",
        "add_subscriber",
        "change_subscriber",
        "remove_subscriber",
        "rotate_subscriber_secret",
        "list_tokens",
        "create_token",
        "revoke_token",
        "list_audit",
    }
)


def _role_of(route: str) -> Role:
    """Return the role that a route needs, by what this test expects."""
    if route in ADMIN_ROUTES:
        return Role.ADMIN
    return Role.OPERATOR if route in OPERATOR_ROUTES else Role.VIEWER


async def _call(api: Api, operation: tuple[str, str, str], names: Any, **options: Any) -> Any:
    method, path, name = operation
    if name in FILES:
        return await api(method, path, data=FILES[name], **options)
    options |= {"headers": HEADERS.get(name)}
    return await api(method, address(path, name, names), json=BODIES.get(name), **options)


def test_every_route_has_the_permission_that_its_role_needs(api: Api) -> None:
    routes = {name for _, _, name in operations(api)}
    assert routes == set(PERMISSIONS)
    assert {route: _role_of(route) for route in routes} == {
        route: ROLE_OF[permission] for route, permission in PERMISSIONS.items()
    }
    assert ADMIN_ROUTES | OPERATOR_ROUTES < routes


async def test_a_viewer_reads_and_changes_nothing(
    api: Api, setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    names, viewer = await filled(setup), await token(setup, "kato", Role.VIEWER)
    assert 200 == (await api.get("/notices", token=viewer)).status  # records the use of the token
    before = await contents(setup)
    for operation in operations(api):
        with subtests.test(operation=operation[2]):
            answer = await _call(api, operation, names, token=viewer)
            if _role_of(operation[2]) is Role.VIEWER:
                assert 200 == answer.status
                assert [] == [secret for secret in (*PERSONAL, SOURCE) if secret in answer.text]
            else:
                assert (403, "not-allowed") == answer.problem
                assert f"This needs the role {_role_of(operation[2])}." == answer.json["detail"]
    assert before == await contents(setup)


async def test_an_operator_acts_and_changes_no_subscribers_secrets_or_tokens(
    api: Api, setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    names, operator = await filled(setup), await token(setup, "kato", Role.OPERATOR)
    kept = (
        "SELECT name, url, customer FROM subscribers",
        "SELECT sealed FROM subscriber_secrets",
        "SELECT name, role FROM operator_tokens",
    )
    before = [await setup.rows(query) for query in kept]
    for operation in operations(api):
        with subtests.test(operation=operation[2]):
            answer = await _call(api, operation, names, token=operator)
            if _role_of(operation[2]) is Role.ADMIN:
                assert (403, "not-allowed") == answer.problem
            else:
                assert answer.status in (200, 201, 202, 204), answer.text
    assert before == [await setup.rows(query) for query in kept]


async def test_every_action_leaves_one_entry_with_its_operator(
    api: Api, setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    names, admin = await filled(setup), await token(setup, "kato", Role.ADMIN)
    for operation in operations(api):
        with subtests.test(operation=operation[2]):
            await setup.run("DELETE FROM audit_entries")
            answer = await _call(api, operation, names, token=admin)
            assert answer.status in (200, 201, 202, 204), answer.text
            entries = await setup.rows("SELECT operator, role, via, action FROM audit_entries")
            permission = PERMISSIONS[operation[2]]
            expected = [("kato", "admin", "api", permission)]
            assert (expected if isinstance(permission, Action) else []) == [
                tuple(entry) for entry in entries
            ]


async def test_personal_values_need_an_operator_and_every_view_is_audited(
    api: Api, setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    names, viewer, operator = (
        await filled(setup),
        await token(setup, "mori", Role.VIEWER),
        await token(setup, "kato", Role.OPERATOR),
    )
    with_personal = [
        (method, path, name)
        for method, path, name in operations(api)
        if any(
            parameter["name"] == "personal"
            for parameter in api.document["paths"][path][method.lower()].get("parameters", ())
        )
    ]
    assert 8 == len(with_personal)
    for method, path, name in with_personal:
        with subtests.test(operation=name):
            await setup.run("DELETE FROM audit_entries")
            rejected = await api(
                method, f"{address(path, name, names)}?personal=true", token=viewer
            )
            assert (403, "not-allowed") == rejected.problem
            assert [] == [secret for secret in (*PERSONAL, SOURCE) if secret in rejected.text]
            assert [] == await setup.rows("SELECT 1 FROM audit_entries")
            assert (
                200
                == (
                    await api(method, f"{address(path, name, names)}?personal=true", token=operator)
                ).status
            )
            (entry,) = await setup.rows("SELECT operator, action, subject FROM audit_entries")
            assert ("kato", "personal_data.seen") == (entry.operator, entry.action)
            assert entry.subject
    assert EMAIL in (await api.get(f"/orders/{ORDER_NO}?personal=true", token=operator)).text


async def test_the_audit_needs_an_admin_and_contains_no_personal_values(
    api: Api, setup: OperationsSetup
) -> None:
    names = await filled(setup)
    for operation in operations(api):
        await _call(api, operation, names)
    await api.get(f"/orders/{ORDER_NO}?personal=true")
    page = await api.get("/audit?limit=200")
    assert {entry["action"] for entry in page.json["items"]} > {
        permission for permission in PERMISSIONS.values() if isinstance(permission, Action)
    }
    assert [] == [secret for secret in (*PERSONAL, SOURCE, "whsec_", "zrt_") if secret in page.text]
    (look,) = (await api.get("/audit?action=personal_data.seen")).json["items"]
    assert ("admin-token", "admin", "api", f"order:{ORDER_NO}") == tuple(
        look[name] for name in ("operator", "role", "via", "subject")
    )
    assert {f"order:{ORDER_NO}"} == {
        e["subject"] for e in (await api.get(f"/audit?subject=order:{ORDER_NO}")).json["items"]
    }
    assert [] == (await api.get("/audit?operator=nobody")).json["items"]


async def test_a_revoked_token_is_rejected_within_five_seconds(
    api: Api, setup: OperationsSetup
) -> None:
    viewer = await token(setup, "mori", Role.VIEWER)
    assert 200 == (await api.get("/notices", token=viewer)).status
    assert 204 == (await api("DELETE", "/v1/tokens/mori")).status
    await asyncio.sleep(REMEMBERED_SECONDS + 0.1)
    assert (401, "unauthorized") == (await api.get("/notices", token=viewer)).problem
    assert REMEMBERED_SECONDS < 5


async def test_the_lifecycle_of_a_token_over_http(api: Api, setup: OperationsSetup) -> None:
    created = await api.post("/tokens", json={"name": "森", "role": "viewer", "expires_days": 90})
    assert (201, "森", "viewer") == (created.status, created.json["name"], created.json["role"])
    assert created.json["token"].startswith("zrt_")
    assert 200 == (await api.get("/orders", token=created.json["token"])).status
    (listed,) = (await api.get("/tokens")).json["items"]
    assert listed["last_used_at"]
    assert "token" not in listed
    assert (409, "token-name-taken") == (
        await api.post("/tokens", json={"name": "森", "role": "admin"})
    ).problem
    assert (422, "invalid-request") == (
        await api.post("/tokens", json={"name": "admin-token", "role": "admin"})
    ).problem
    assert (422, "invalid-request") == (
        await api.post("/tokens", json={"name": "a", "role": "root"})
    ).problem
    assert 204 == (await api("DELETE", "/v1/tokens/%E6%A3%AE")).status
    assert (404, "token-not-found") == (await api("DELETE", "/v1/tokens/%E6%A3%AE")).problem
