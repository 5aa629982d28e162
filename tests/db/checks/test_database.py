"""Database checks: each defect is reported with the statement that fixes it, and it does."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from app.db.checks.collations import find_changed_collations
from app.db.checks.database import demand_usable
from app.db.checks.defects import DatabaseUnfit
from app.db.connections import Connection, connect
from app.db.migrations import head, migrate
from tests.command import run_command
from tests.conftest import with_database
from tests.processes import processes, service_settings
from tests.system_postgres import INSTALLED, system_postgres

COMMANDS = ("migrate", "doctor")


def as_user(url: str, user: str) -> str:
    """Return the URL of the same database for another user."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}"))


@pytest.fixture
async def superuser(empty_database_url: str) -> AsyncIterator[Connection]:
    """Yield a superuser's connection to the test's own database."""
    connection = await connect(empty_database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def user(superuser: Connection, postgres_url: str) -> AsyncIterator[str]:
    """Yield a user that owns nothing."""
    name = f"shop_{uuid4().hex}"
    await superuser.execute(f"CREATE ROLE {name} LOGIN")
    yield name
    await superuser.execute(f"DROP OWNED BY {name} CASCADE")
    await superuser.execute(f"DROP ROLE {name}")


async def _report(command: str, url: str) -> str:
    report = await run_command(command, settings=service_settings(url))
    assert isinstance(report.exception, SystemExit), report.exception
    assert 1 == report.exit_code, report.output
    assert "Traceback" not in report.output
    assert "trying again" not in report.output
    return report.output


def _statement(text: str, start: str) -> str:
    found = re.search(rf"`({start}[^`]*)`", text)
    assert found, text
    return found[1]


async def test_a_user_that_may_not_create_tables(
    superuser: Connection, empty_database_url: str, user: str
) -> None:
    url = as_user(empty_database_url, user)
    for command in COMMANDS:
        report = await _report(command, url)
        assert f"user {user} may not create tables in schema public" in report
    await superuser.execute(_statement(report, "GRANT CREATE"))
    assert head() == await migrate(url)


async def test_a_user_gets_a_schema_of_its_own(
    superuser: Connection, empty_database_url: str, user: str
) -> None:
    url = as_user(empty_database_url, user)
    await superuser.execute(_statement(await _report("migrate", url), "CREATE SCHEMA"))
    assert head() == await migrate(url) == await migrate(url)
    assert {user} == {
        row["schemaname"]
        for row in await superuser.fetch(
            "SELECT schemaname FROM pg_tables WHERE tablename = 'notices'"
        )
    }
    await demand_usable(url, "work")


async def test_a_schema_named_by_search_path(
    superuser: Connection, empty_database_url: str, user: str
) -> None:
    url = f"{as_user(empty_database_url, user)}&search_path=shop"
    for command in COMMANDS:
        report = await _report(command, url)
        assert f"user {user} may use no schema of search_path (shop)" in report
    await superuser.execute(_statement(report, "CREATE SCHEMA"))
    assert head() == await migrate(url)


async def test_a_user_that_may_only_read(
    superuser: Connection, empty_database_url: str, user: str
) -> None:
    url = as_user(empty_database_url, user)
    await superuser.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    await superuser.execute(f"ALTER ROLE {user} SET default_transaction_read_only = on")
    for command in COMMANDS:
        report = await _report(command, url)
        assert f"user {user} may only read" in report
    await superuser.execute(_statement(report, "ALTER ROLE"))
    assert head() == await migrate(url)


async def test_tables_of_another_user(superuser: Connection, database_url: str, user: str) -> None:
    owner = await connect(database_url)
    try:
        await owner.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
        await owner.execute("UPDATE alembic_version SET version_num = '0012'")
        report = await _report("doctor", as_user(database_url, user))
        assert "lacks rights" in report
        await owner.execute(f"GRANT SELECT ON alembic_version TO {user}")
        report = await _report("migrate", as_user(database_url, user))
        assert "the tables belong to postgres" in report
    finally:
        await owner.execute(f"DROP OWNED BY {user}")
        await owner.close()


async def test_a_user_that_may_not_connect(
    superuser: Connection, empty_database_url: str, user: str
) -> None:
    name = await superuser.fetchval("SELECT current_database()")
    await superuser.execute(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
    for command in COMMANDS:
        assert "GRANT CONNECT ON DATABASE" in await _report(
            command, as_user(empty_database_url, user)
        )


@pytest.mark.parametrize("process", ["work", "operate"])
async def test_a_process_without_rights_ends_and_names_the_grants(
    superuser: Connection, database_url: str, user: str, tmp_path: Path, process: str
) -> None:
    with processes(tmp_path) as starter:
        started = starter.start(process, **service_settings(as_user(database_url, user)))
        assert 1 == await started.ended()
    report = started.log_text()
    assert "Traceback" not in report
    assert f"user {user} lacks rights that `zeus-relay {process}` needs" in report
    assert f"TO {user}" in _statement(report, "GRANT SELECT")


async def test_a_receiver_without_rights_takes_calls_and_logs_the_grant(
    database_url: str, user: str, tmp_path: Path
) -> None:
    with processes(tmp_path) as starter:
        settings = service_settings(as_user(database_url, user)) | {
            "DATA_DIR": str(tmp_path / "data")
        }
        started = starter.start("receive", **settings)
        await started.ready("receiver")
        line = await started.logged("database_unfit")
    assert f"`GRANT INSERT ON notices TO {user}`" in str(line["found"])


@pytest.fixture
async def euc_jp_url(superuser: Connection, postgres_url: str) -> AsyncIterator[str]:
    """Yield a database in EUC_JP, once common on Japanese servers."""
    name = f"euc_{uuid4().hex}"
    await superuser.execute(
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    yield with_database(postgres_url, name)
    await superuser.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def test_another_encoding_is_rejected_with_a_remedy(
    superuser: Connection, euc_jp_url: str, postgres_url: str, tmp_path: Path
) -> None:
    for command in COMMANDS:
        report = await _report(command, euc_jp_url)
        assert "the database's encoding is EUC_JP" in report
    statement = _statement(report, "CREATE DATABASE")
    name = statement.split()[2]
    await superuser.execute(statement)
    try:
        assert head() == await migrate(with_database(postgres_url, name))
    finally:
        await superuser.execute(f"DROP DATABASE {name} WITH (FORCE)")
    with processes(tmp_path) as starter:
        started = [
            starter.start(process, **service_settings(euc_jp_url))
            for process in ("work", "operate", "up")
        ]
        for process in started:
            assert 1 == await process.ended()
            assert "the database's encoding is EUC_JP" in process.log_text()
            assert "Traceback" not in process.log_text()


@pytest.mark.skipif(not INSTALLED, reason="needs Debian's package postgresql")
async def test_a_changed_collation_is_reported_with_its_remedy(tmp_path: Path) -> None:
    with system_postgres(tmp_path) as server:
        other = await connect(server.url)
        await other.execute(
            "CREATE DATABASE shop TEMPLATE template0 "
            "LOCALE_PROVIDER icu ICU_LOCALE 'ja' LOCALE 'C.UTF-8'"
        )
        url = with_database(server.url, "shop")
        await migrate(url)
        connection = await connect(url)
        assert [] == await find_changed_collations(connection)
        # A table of another program in the same database.
        await connection.execute("CREATE TABLE other (name text PRIMARY KEY)")
        await other.execute("UPDATE pg_database SET datcollversion = '1.0' WHERE datname = 'shop'")
        (defect,) = await find_changed_collations(connection)
        assert "the collation of database shop was version 1.0" in defect.message
        assert "indexes on text may miss rows" in defect.message
        report = await run_command("doctor", settings=service_settings(url))
        assert defect.message in report.output
        statements = re.findall("`([^`]*)`", defect.remedy)
        assert [
            "REINDEX DATABASE CONCURRENTLY shop",
            "ALTER DATABASE shop REFRESH COLLATION VERSION",
        ] == statements
        for process in ("work", "operate"):
            with processes(tmp_path) as starter:
                await starter.start(process, **service_settings(url)).logged(
                    "collation_changed", found=defect.message
                )
        for statement in statements:
            await connection.execute(statement)
        assert [] == await find_changed_collations(connection)
        await connection.close()
        await other.close()


async def test_an_unreachable_database_does_not_stop_a_process() -> None:
    with capture_logs() as logs:
        await demand_usable("postgresql://relay@127.0.0.1:1/relay", "work")
    assert ["database_not_checked"] == [line["event"] for line in logs]


@pytest.mark.skipif(not INSTALLED, reason="needs Debian's package postgresql")
async def test_a_wrong_password_stops_a_process(tmp_path: Path) -> None:
    rules = "host all all 127.0.0.1/32 scram-sha-256\n"
    remedy = "check user and password in RELAY_DATABASE_URL"
    with (
        system_postgres(tmp_path, pg_hba_conf=rules) as server,
        pytest.raises(DatabaseUnfit, match=remedy),
    ):
        await demand_usable(as_user(server.url, "postgres:hush-hush"), "work")
