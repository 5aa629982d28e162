"""Commands for tokens, the audit, rejected calls and dismissals."""

import getpass
import re

from app.operations.access.permissions import Operator, Role
from app.operations.access.tokens import authenticate
from tests.api.api_client import serving
from tests.api.api_walk import filled, sample
from tests.cli.conftest import Cli
from tests.operations.operations_setup import ORDER_NO, PERSONAL, SOURCE, TELNO, OperationsSetup


async def test_lifecycle_of_a_token(cli: Cli, setup: OperationsSetup) -> None:
    created = await cli("tokens", "create", "kato", "--role", "operator", "--expires", "90d")
    token = re.search(r"^token +(zrt_\S{43})$", created.stdout, re.MULTILINE)
    assert token
    assert "The token is not shown again.\n" == created.stderr
    assert Operator("kato", Role.OPERATOR) == await authenticate(setup.sessions, token[1])
    listed = (await cli("tokens", "list")).stdout
    assert re.search(r"^kato  operator  \S+ \S+Z  \S+ \S+Z  \S+ \S+Z$", listed, re.MULTILINE)
    assert token[1] not in listed
    assert (
        "A token with this name exists"
        in (await cli("tokens", "create", "kato", "--role", "viewer", code=1)).stderr
    )
    assert "revoked kato\n" == (await cli("tokens", "revoke", "kato")).stdout
    assert await authenticate(setup.sessions, token[1]) is None
    assert "There are no tokens" in (await cli("tokens", "list")).stdout
    assert "no token with this name" in (await cli("tokens", "revoke", "kato", code=1)).stderr


async def test_invalid_tokens(cli: Cli) -> None:
    assert (
        "expires_days: "
        in (
            await cli("tokens", "create", "a", "--role", "viewer", "--expires", "0s", code=1)
        ).stderr
    )
    assert (
        "--expires"
        in (
            await cli("tokens", "create", "a", "--role", "viewer", "--expires", "soon", code=2)
        ).stderr
    )
    assert "--role" in (await cli("tokens", "create", "a", code=2)).stderr
    await cli("tokens", "create", "a", "--role", "root", code=2)


async def test_the_audit_names_the_terminal_user(cli: Cli) -> None:
    assert "No actions found.\n" == (await cli("audit", "list")).stdout
    await cli("subscribers", "add", "shop", "https://shop.example/")
    await cli("subscribers", "pause", "shop")
    rows = (await cli("audit", "list")).stdout.splitlines()
    user = re.escape(getpass.getuser())
    assert re.fullmatch(
        rf"\S+ \S+Z  {user} +admin  cli  subscriber.paused  subscriber:shop", rows[1]
    )
    assert re.fullmatch(
        rf"\S+ \S+Z  {user} +admin  cli  subscriber.added +subscriber:shop", rows[2]
    )
    only = await cli.json(
        "audit",
        "list",
        "--action",
        "subscriber.added",
        "--operator",
        getpass.getuser(),
        "--subject",
        "subscriber:shop",
    )
    assert ["subscriber.added"] == [entry["action"] for entry in only["items"]]


async def test_every_action_is_audited(cli: Cli, setup: OperationsSetup) -> None:
    names = await filled(setup)
    ids = {key: str(value) for key, value in names["*"].items()}
    other = str(names["dismiss_outbound_webhook"]["webhook_id"])
    await setup.run("DELETE FROM audit_entries")
    for action, *command in (
        ("notice.released", "notices", "release", ids["notice_id"]),
        (
            "notice.dismissed",
            "notices",
            "dismiss",
            str(names["dismiss_notice"]["notice_id"]),
            "--reason",
            "a test",
        ),
        (
            "sample.dismissed",
            "notices",
            "dismiss-rejected",
            ids["sample_id"],
            "--reason",
            "a test",
        ),
        ("sample.released", "notices", "release-rejected", ids["sample_id"]),
        ("webhook.retried", "outbound", "retry", ids["webhook_id"]),
        ("webhook.dismissed", "outbound", "dismiss", other, "--reason", "a test"),
        ("webhooks.recovered", "outbound", "recover", "shop", "--since", "1d"),
        ("personal_data.seen", "orders", "show", ORDER_NO, "--personal"),
        ("personal_data.seen", "notices", "show", ids["notice_id"], "--personal"),
        ("subscriber.tested", "subscribers", "test", "shop", "--wait", "0"),
        ("subscriber.paused", "subscribers", "pause", "shop"),
        ("subscriber.resumed", "subscribers", "resume", "shop"),
        ("secret.rotated", "subscribers", "rotate-secret", "shop"),
        ("subscriber.removed", "subscribers", "remove", "shop"),
        ("token.revoked", "tokens", "revoke", "clerk"),
    ):
        await cli(*command)
        entries = await setup.rows("SELECT operator, via, action FROM audit_entries")
        assert [(getpass.getuser(), "cli", action)] == [tuple(entry) for entry in entries]
        await setup.run("DELETE FROM audit_entries")


async def test_rejected_calls(cli: Cli, setup: OperationsSetup) -> None:
    assert (
        "No call that looks like Zeus's was rejected.\n"
        == (await cli("notices", "rejected")).stdout
    )
    sample_id = str(await sample(setup))
    (_, row) = (await cli("notices", "rejected")).stdout.splitlines()
    assert re.fullmatch(rf"\S+ \S+Z  {ORDER_NO}  04 入金済  -          {sample_id}", row)
    shown = (await cli("notices", "show-rejected", sample_id)).stdout
    assert [] == [secret for secret in (*PERSONAL, SOURCE) if secret in shown]
    assert TELNO in (await cli("notices", "show-rejected", sample_id, "--personal")).stdout
    await cli("notices", "dismiss-rejected", sample_id, "--reason", "a scanner")
    assert "a scanner" in (await cli("notices", "rejected")).stdout
    assert "No call" in (await cli("notices", "rejected", "--attention")).stdout
    assert "released as notice " in (await cli("notices", "release-rejected", sample_id)).stdout
    assert (
        "no rejected sample" in (await cli("notices", "release-rejected", sample_id, code=1)).stderr
    )
    await cli("notices", "dismiss-rejected", sample_id, code=2)  # without a reason


async def test_dismissed_items_need_no_attention(cli: Cli, setup: OperationsSetup) -> None:
    names = await filled(setup)
    notice_id, webhook_id = str(names["*"]["notice_id"]), str(names["*"]["webhook_id"])
    assert notice_id in (await cli("notices", "list", "--attention")).stdout
    assert (
        f"dismissed {notice_id}\n"
        == (await cli("notices", "dismiss", notice_id, "--reason", "a test call")).stdout
    )
    assert notice_id not in (await cli("notices", "list", "--attention")).stdout
    assert (
        "dismissed already"
        in (await cli("notices", "dismiss", notice_id, "--reason", "again", code=1)).stderr
    )
    assert "reason: " in (await cli("notices", "dismiss", notice_id, "--reason", "", code=1)).stderr
    await cli("outbound", "dismiss", webhook_id, "--reason", "an old shop")
    left = await cli.json("outbound", "list", "--attention")
    assert [names["dismiss_outbound_webhook"]["webhook_id"]] == [
        webhook["id"] for webhook in left["items"]
    ]


async def test_json_is_that_of_the_api(cli: Cli, setup: OperationsSetup) -> None:
    names = await filled(setup)
    async with serving(setup.sessions, setup.vault) as api:
        for path, arguments in (
            ("/tokens", ("tokens", "list")),
            ("/audit", ("audit", "list")),
            (
                "/rejected-samples?attention=true&limit=1",
                ("notices", "rejected", "--attention", "--limit", "1"),
            ),
            (
                f"/rejected-samples/{names['*']['sample_id']}",
                ("notices", "show-rejected", str(names["*"]["sample_id"])),
            ),
            ("/notices?attention=true", ("notices", "list", "--attention")),
            ("/outbound-webhooks?attention=true", ("outbound", "list", "--attention")),
        ):
            assert (await api.get(path)).json == await cli.json(*arguments)
