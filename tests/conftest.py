"""Postgres fixtures: one embedded server per run, and a new database from a template per test."""

import asyncio
import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import pytest
from fasteners import InterProcessLock

from app.db.connections import connect
from app.db.embedded import start_embedded
from app.db.engine import Sessions, make_engine, make_sessions
from app.db.migrations import migrate

TEMPLATE = "relay_template"

SLOW = (
    "api/",
    "bench/",
    "cli/",
    "console/",
    "deploy/test_proxies.py",
    "docs/test_backup_page.py",
    "docs/test_systemd_units.py",
    "docs/test_verify_examples.py",
    "forwarding/queue/test_plans.py",
    "journeys/test_crashes",
    "judging/test_timer_plans.py",
    "journeys/test_hanging_surroundings.py",
    "journeys/test_log_at_debug.py",
    "journeys/test_nothing_personal.py",
    "journeys/test_traces.py",
    "journeys/test_watch.py",
    "journeys/test_wrong_clock.py",
    "operations/",
    "receiver/http/test_fuzz.py",
    "receiver/http/test_patience.py",
    "recording/spool/test_drainer.py",
    "recording/postgres/test_server_away.py",
    "recording/spool/test_spool_command.py",
)
"""Tests for `make test-slow`: long ones and many ones, so that `make test` ends in minutes."""

if "PYTEST_XDIST_WORKER" not in os.environ:
    # One directory for this run, removed at its end. The start of each pytest run closes pytest's
    # own directory to other users. As root, the embedded Postgres runs as another user, so two
    # concurrent runs would break each other's server.
    _run = tempfile.mkdtemp(prefix="zeus-relay-tests-")
    os.environ["PYTEST_DEBUG_TEMPROOT"] = _run
    atexit.register(shutil.rmtree, _run, ignore_errors=True)


def with_database(url: str, name: str) -> str:
    """Return the URL of another database on the same server."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{quote(name)}"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in SLOW."""
    here = Path(__file__).parent
    for item in items:
        if str(item.path.relative_to(here)).startswith(SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="module", autouse=True)
def small_heap() -> None:
    """Exclude existing objects from garbage collection, as the service's processes do.

    A collection of them can take a second.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory that all xdist workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def postgres_url(run_dir: Path) -> str:
    """Return the URL of the run's Postgres server, which has a migrated template database."""
    with InterProcessLock(run_dir / "postgres.lock"):
        url = start_embedded(run_dir / "pg")
        asyncio.run(_make_template(url))
    return url


async def _make_template(url: str) -> None:
    connection = await connect(url)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", TEMPLATE):
            # No data here must survive a power cut, and syncing is slow.
            await connection.execute("ALTER SYSTEM SET fsync = off")
            await connection.execute("ALTER SYSTEM SET full_page_writes = off")
            await connection.execute("SELECT pg_reload_conf()")
            await connection.execute(f"CREATE DATABASE {TEMPLATE}_raw")
            await migrate(with_database(url, f"{TEMPLATE}_raw"))
            await connection.execute(f"ALTER DATABASE {TEMPLATE}_raw RENAME TO {TEMPLATE}")
    finally:
        await connection.close()


@pytest.fixture
async def empty_database_url(postgres_url: str) -> AsyncIterator[str]:
    """Yield the URL of a database without tables, dropped after the test."""
    async with _database(postgres_url, "template1") as url:
        yield url


@pytest.fixture
async def database_url(postgres_url: str) -> AsyncIterator[str]:
    """Yield the URL of a migrated database, dropped after the test."""
    async with _database(postgres_url, TEMPLATE) as url:
        yield url


@asynccontextmanager
async def _database(postgres_url: str, template: str) -> AsyncIterator[str]:
    name = f"test_{uuid4().hex}"
    connection = await connect(postgres_url)
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield with_database(postgres_url, name)
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


@pytest.fixture
async def sessions(database_url: str) -> AsyncIterator[Sessions]:
    """Yield sessions on the test's own database."""
    engine = make_engine(database_url)
    yield make_sessions(engine)
    await engine.dispose()
