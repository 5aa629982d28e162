"""Database rights: each process works as its own user, and that user has no other rights."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import aiohttp
import asyncpg
import pytest

from app.db.connections import Connection, connect
from app.db.grants import PROCESSES, RIGHTS, Process, grant_to_roles, missing_grants
from app.db.tables.metadata import Base
from app.simulator.player.orders import build_run
from app.simulator.player.play import play
from app.simulator.player.scenarios import SCENARIOS
from app.simulator.player.target import target_of
from bench.ports import free_port
from tests.command import run_command
from tests.db.checks.test_database import as_user
from tests.processes import ADMIN_TOKEN, Starter, processes, service_settings
from tests.subscriber import subscriber

SECRET = "whsec_Zm9yIHRlc3RzIG9ubHksIG1ha2UgeW91ciBvd24hISE="
NOBODY = f"http://127.0.0.1:{free_port()}/hooks"
SEQUENCE = "events_position_seq"


@dataclass(frozen=True)
class Users:
    """A database with a user for each process. `owner` is a connection of the tables' owner."""

    url: str
    names: dict[Process, str]
    owner: Connection

    def url_of(self, process: Process) -> str:
        return as_user(self.url, self.names[process])


@pytest.fixture
async def users(database_url: str) -> AsyncIterator[Users]:
    """Yield users with the rights of their processes on the test's own database."""
    owner = await connect(database_url)
    names: dict[Process, str] = {process: f"{process}_{uuid4().hex}" for process in PROCESSES}
    for name in names.values():
        await owner.execute(f"CREATE ROLE {name} LOGIN")
    await grant_to_roles(database_url, names)
    yield Users(database_url, names, owner)
    for name in names.values():
        await owner.execute(f"DROP OWNED BY {name}")
        await owner.execute(f"DROP ROLE {name}")
    await owner.close()


def test_rights_cover_exactly_the_existing_tables() -> None:
    tables = set(Base.metadata.tables)
    named = {table for process in PROCESSES for table in RIGHTS[process]}
    assert tables | {SEQUENCE, "alembic_version"} == named


async def test_each_user_has_exactly_the_listed_rights(users: Users) -> None:
    for process, name in users.names.items():
        found = await users.owner.fetch(
            "SELECT relname AS name, privilege_type AS right "
            "FROM pg_class, aclexplode(relacl) AS acl WHERE grantee = $1::regrole "
            "UNION SELECT relname, privilege_type || ' (' || attname || ')' "
            "FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid, aclexplode(attacl) AS acl "
            "WHERE grantee = $1::regrole",
            name,
        )
        wanted = {(table, right) for table, rights in RIGHTS[process].items() for right in rights}
        assert wanted == {(row["name"], row["right"]) for row in found}, process


async def test_a_new_grant_revokes_other_rights(users: Users) -> None:
    receiver = users.names["receive"]
    await users.owner.execute(f"GRANT SELECT ON notices, orders TO {receiver}")
    result = await run_command(
        "migrate", "--grant", f"receive={receiver}", settings=service_settings(users.url)
    )
    assert 0 == result.exit_code, result.output
    assert not await users.owner.fetchval(
        "SELECT has_table_privilege($1, 'notices', 'SELECT')", receiver
    )
    assert not await users.owner.fetchval(
        "SELECT has_table_privilege($1, 'orders', 'SELECT')", receiver
    )


async def test_missing_rights_are_found(users: Users) -> None:
    await users.owner.execute(f"REVOKE INSERT ON answers, notices FROM {users.names['receive']}")
    await users.owner.execute(
        f"REVOKE SELECT (id) ON rejected_samples FROM {users.names['receive']}"
    )
    await users.owner.execute(f"REVOKE USAGE ON SEQUENCE {SEQUENCE} FROM {users.names['work']}")
    for process, expected in (
        (
            "receive",
            {"answers": ["INSERT"], "notices": ["INSERT"], "rejected_samples": ["SELECT (id)"]},
        ),
        ("work", {SEQUENCE: ["USAGE"]}),
        ("operate", {}),
    ):
        connection = await connect(users.url_of(process))  # type: ignore[arg-type]
        assert expected == await missing_grants(connection, process)  # type: ignore[arg-type]
        await connection.close()


@pytest.mark.parametrize("option", ["receive", "receive=", "everything=somebody"])
async def test_an_invalid_grant_option_is_rejected(database_url: str, option: str) -> None:
    result = await run_command(
        "migrate", "--grant", option, settings=service_settings(database_url)
    )
    assert 2 == result.exit_code
    assert "receive=ROLE" in result.output


async def test_a_missing_role_is_named(database_url: str) -> None:
    result = await run_command(
        "migrate", "--grant", "work=nobody_at_all", settings=service_settings(database_url)
    )
    assert 1 == result.exit_code
    assert 'role "nobody_at_all" does not exist; make it with `CREATE ROLE' in result.output


async def test_only_the_owner_may_grant(users: Users) -> None:
    result = await run_command(
        "migrate",
        "--grant",
        f"work={users.names['receive']}",
        settings=service_settings(users.url_of("work")),
    )
    assert 1 == result.exit_code
    assert "as the owner of the tables" in result.output


async def test_a_receiver_cannot_read_or_change_recorded_calls(users: Users) -> None:
    connection = await connect(users.url_of("receive"))
    statements = [
        *(
            f"SELECT 1 FROM {table}"
            for table in Base.metadata.tables
            if table != "rejected_samples"
        ),
        "SELECT headers FROM rejected_samples",
        "UPDATE notices SET body = ''",
        "DELETE FROM notices",
        "CREATE TABLE mine (id int)",
        "INSERT INTO audit_entries (id, operator, role, via, action, subject) "
        "VALUES (gen_random_uuid(), 'x', 'x', 'x', 'x', 'x')",
    ]
    for statement in statements:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()


async def test_no_process_can_change_the_audit(users: Users) -> None:
    for process in PROCESSES:
        connection = await connect(users.url_of(process))
        for statement in (
            "DELETE FROM audit_entries",
            "UPDATE audit_entries SET operator = 'x'",
            "TRUNCATE audit_entries",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        await connection.close()


@pytest.mark.timeout(240)
async def test_every_process_does_its_work_with_its_own_rights(
    users: Users, tmp_path: Path
) -> None:
    async with subscriber(SECRET) as merchant:
        with processes(tmp_path) as starter:
            receiver, operator = await _start(starter, users, merchant.url)
            orders = build_run(
                tuple(SCENARIOS[name] for name in ("usual", "odd-bytes", "expired")), 1, seed=1
            )
            assert 0 == (await play(target_of(f"http://{receiver}/zeus/notify"), orders)).mails
            await merchant.wait_for(4, patience=60)
            await _reject_one(receiver, users)
            await _operate(operator)
            await _reconcile(operator)
            for process in starter.started:
                assert "42501" not in process.log_text()
                assert "permission denied" not in process.log_text()
    assert await users.owner.fetchval("SELECT count(*) FROM answers")


async def _start(starter: Starter, users: Users, subscriber_url: str) -> tuple[str, str]:
    declared = f'[{{"name":"shop","url":"{subscriber_url}","secret":"{SECRET}"}}]'
    settings: dict[Process, dict[str, str]] = {
        process: service_settings(users.url_of(process)) for process in PROCESSES
    }
    settings["receive"] |= {"TRUSTED_PROXIES": "127.0.0.1/32"}
    for process in ("work", "operate"):
        settings[process] |= {"SUBSCRIBERS": declared, "ALERT_URL": NOBODY}
    started = {process: starter.start(process, **settings[process]) for process in PROCESSES}
    receiver = await started["receive"].ready("receiver")
    operator = await started["operate"].ready("operator")
    await started["work"].logged("working")
    return f"{receiver[0]}:{receiver[1]}", f"{operator[0]}:{operator[1]}"


async def _reject_one(receiver: str, users: Users) -> None:
    """Send a call from an unknown source that looks like Zeus's; it is kept as a sample."""
    headers = {"X-Forwarded-For": "203.0.113.9"}
    async with (
        aiohttp.ClientSession() as client,
        client.get(
            f"http://{receiver}/zeus/notify?order_no=1&status=04", headers=headers
        ) as answer,
    ):
        assert 403 == answer.status
    for _ in range(100):
        if await users.owner.fetchval("SELECT count(*) FROM rejected_samples"):
            return
        await users.owner.execute("SELECT pg_sleep(0.1)")
    raise AssertionError("no sample was kept")


async def _operate(operator: str) -> None:
    """Use the API as an operator does in a day."""
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with aiohttp.ClientSession(f"http://{operator}", headers=headers) as client:
        for path in (
            "orders",
            "notices",
            "events",
            "outbound-webhooks",
            "subscribers",
            "audit",
            "tokens",
            "overview",
            "attention",
        ):
            async with client.get(f"/v1/{path}") as answer:
                assert 200 == answer.status, (path, await answer.text())
        for path, body in (
            ("tokens", {"name": "suzuki", "role": "operator"}),
            ("subscribers", {"name": "other", "url": NOBODY}),
            ("subscribers/other/test", {}),
            ("subscribers/other/pause", {}),
            ("subscribers/other/resume", {}),
        ):
            async with client.post(f"/v1/{path}", json=body) as answer:
                assert answer.status < 300, (path, await answer.text())
        await _decide(client)
        async with client.get("/v1/rejected-samples") as answer:
            (sample,) = (await answer.json())["items"]
        async with client.post(f"/v1/rejected-samples/{sample['id']}/release") as answer:
            assert answer.status < 300, await answer.text()


async def _decide(client: aiohttp.ClientSession) -> None:
    """Reject a paid order, then settle the review that follows."""
    async with client.get("/v1/orders?state=confirmed") as answer:
        order_no = (await answer.json())["items"][0]["order_no"]
    for path in (f"orders/{order_no}/unwanted", "unwanted/A-1"):
        async with client.put(f"/v1/{path}") as answer:
            assert 200 == answer.status, await answer.text()
    async with client.get(f"/v1/reviews?open=true&order_no={order_no}") as answer:
        (review,) = (await answer.json())["items"]
    for action, body in (("notes", {"text": "asked"}), ("settle", {"settlement": "release"})):
        async with client.post(f"/v1/reviews/{review['id']}/{action}", json=body) as answer:
            assert 200 == answer.status, await answer.text()
    async with client.delete("/v1/unwanted/A-1") as answer:
        assert 204 == answer.status


async def _reconcile(operator: str) -> None:
    """Send a file, and wait until the worker has compared and healed it."""
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    file = b"order_no,status\nB-1,04\n"
    async with aiohttp.ClientSession(f"http://{operator}", headers=headers) as client:
        async with client.post("/v1/reconciliations?heal=true", data=file) as answer:
            assert 200 == answer.status, await answer.text()
            path = f"/v1/reconciliations/{(await answer.json())['id']}"
        for _ in range(100):
            async with client.get(path) as answer:
                found = await answer.json()
            if found["state"] == "done":
                break
            await asyncio.sleep(0.1)
    assert ("done", 1) == (found["state"], found["healed"])


@pytest.mark.parametrize(
    ("process", "message"),
    [
        ("work", "the database's user may work, as its grants say"),
        ("operate", "the database's user may operate, as its grants say"),
        ("receive", "the database's user may only receive, so the rest was not checked"),
    ],
)
async def test_doctor_names_the_rights_of_its_user(
    users: Users, process: Process, message: str
) -> None:
    result = await run_command("doctor", settings=service_settings(users.url_of(process)))
    assert message in result.output
    assert "Traceback" not in result.output


async def test_doctor_reports_that_the_owner_has_all_rights(users: Users) -> None:
    result = await run_command("doctor", settings=service_settings(users.url))
    assert "the database's user may migrate and run every process" in result.output


def test_grants_quote_schema_and_role() -> None:
    from app.db.grants import grant_statements

    assert all(
        '"Shop"' in re.sub(r"\s+", " ", statement)
        for statement in grant_statements("receive", "Shop", "public")
    )
