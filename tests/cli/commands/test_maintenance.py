"""Commands migrate, doctor and keygen, and commands with wrong settings."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from app.db.migrations import head
from tests.cli.conftest import Cli
from tests.operations.operations_setup import OperationsSetup
from tests.processes import PROGRAM, environment

REPOSITORY = Path(__file__).resolve().parents[3]


def _run(directory: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the installed program."""
    return subprocess.run(
        [PROGRAM, *arguments],
        cwd=directory,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=100,
    )


async def test_keygen_prints_a_valid_key(cli: Cli) -> None:
    first, second = [(await cli("keygen")).stdout.strip() for _ in range(2)]
    Fernet(first)
    assert first != second


async def test_migrate_an_empty_database(empty_database_url: str, cli: Cli) -> None:
    fresh = Cli({**cli.environment, "RELAY_DATABASE_URL": empty_database_url})
    assert "the database lacks tables" in (await fresh("subscribers", "list", code=1)).stderr
    assert f"the database is at revision {head()}\n" == (await fresh("migrate")).stdout
    assert f"the database is at revision {head()}\n" == (await fresh("migrate")).stdout
    await fresh("subscribers", "list")


async def test_doctor_without_findings(cli: Cli, setup: OperationsSetup) -> None:
    await setup.add("shop", "http://127.0.0.1:9000/")
    well = Cli(
        {
            **cli.environment,
            "RELAY_ALLOWED_SOURCES": "192.0.2.0/24",
            "RELAY_IP_CODES": "2012000001",
            "RELAY_SPOOL_LIMIT": "1MiB",
        }
    )
    findings = await well.json("doctor")
    assert {"ok", "warning"} == {finding["level"] for finding in findings}
    # About http://, about the tests' Postgres without fsync, and about the missing public URL.
    assert {"webhooks", "durability", "public URL"} == {
        finding["subject"] for finding in findings if finding["level"] == "warning"
    }


async def test_doctor_prints_remedies(cli: Cli) -> None:
    ill = Cli(
        {**cli.environment, "RELAY_DATABASE_URL": "postgresql://relay:hunter2@127.0.0.1:1/relay"}
    )
    result = await ill("doctor", code=1)
    assert re.search(
        r"^ERROR +database: .*\n +-> check that it runs and that RELAY_DATABASE_URL is right$",
        result.stdout,
        re.MULTILINE,
    )
    assert re.search(
        r"^warning +sources: .*\n +-> put the addresses .* RELAY_ALLOWED_SOURCES",
        result.stdout,
        re.MULTILINE,
    )
    assert "hunter2" not in result.output


async def test_an_unavailable_database_gets_one_sentence(cli: Cli) -> None:
    away = Cli(
        {**cli.environment, "RELAY_DATABASE_URL": "postgresql://relay:hunter2@127.0.0.1:1/relay"}
    )
    result = await away("orders", "show", "1", code=1)
    assert result.stderr.startswith("the database cannot be reached")
    assert "RELAY_DATABASE_URL" in result.stderr
    assert "hunter2" not in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("subscribers", "list"),
        ("orders", "show", "1"),
        ("outbound", "list"),
        ("migrate",),
        ("doctor",),
    ],
)
async def test_wrong_settings_exit_with_2(cli: Cli, arguments: tuple[str, ...]) -> None:
    wrong = Cli({**cli.environment, "RELAY_PUBLIC_PORT": "many", "RELAY_RETRY_SCHEDULE": "soon"})
    result = await wrong(*arguments, code=2)
    assert ["RELAY_PUBLIC_PORT", "RELAY_RETRY_SCHEDULE"] == [
        line.partition(":")[0] for line in result.stderr.splitlines()
    ]
    assert "" == result.stdout


async def test_a_missing_key_is_named(cli: Cli) -> None:
    without = Cli({**cli.environment, "RELAY_SECRET_KEYS": ""})
    assert (
        "RELAY_SECRET_KEYS: is needed"
        in (await without("subscribers", "add", "x", "https://x.example/", code=2)).stderr
    )
    await without("subscribers", "list")


def test_the_embedded_database_is_started_on_demand(tmp_path: Path) -> None:
    assert "2" == str(_run(tmp_path, "subscribers", "list", PUBLIC_PORT="x").returncode)
    migrated = _run(tmp_path, "migrate")
    assert (0, f"the database is at revision {head()}\n") == (
        migrated.returncode,
        migrated.stdout,
    ), migrated.stderr
    added = _run(tmp_path, "subscribers", "add", "shop", "https://shop.example/hooks", "--json")
    assert (0, "") == (added.returncode, added.stderr)
    assert {"secret-keys", "postgres"} == {path.name for path in (tmp_path / "data").iterdir()}


def test_migrate_new_writes_the_difference(tmp_path: Path) -> None:
    for name in ("app", "migrations"):
        shutil.copytree(
            REPOSITORY / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    tables = tmp_path / "app" / "db" / "tables" / "notices.py"
    tables.write_text(
        tables.read_text().replace(
            "    answered_at: Mapped[datetime]\n",
            "    answered_at: Mapped[datetime]\n    by: Mapped[str | None]\n",
        )
    )
    code = "import sys; sys.path.insert(0, '.'); from app.cli import command_line; command_line()()"
    python = PROGRAM.with_name("python")
    made = subprocess.run(
        [python, "-c", code, "migrate", "--new", "add who answered"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert 0 == made.returncode, made.stderr
    (written,) = set((tmp_path / "migrations" / "versions").glob("*.py")) - {
        tmp_path / "migrations" / "versions" / path.name
        for path in (REPOSITORY / "migrations" / "versions").glob("*.py")
    }
    text = written.read_text()
    assert re.fullmatch(r"\d{4}_\d\d_\d\d_add_who_answered\.py", written.name)
    assert re.search(
        r"op\.add_column\('answers', sa\.Column\('by', sa\.Text\(\), nullable=True\)\)", text
    )
    assert f"down_revision = '{head()}'" in text
    assert f"revision = '{int(head()) + 1:04}'" in text
