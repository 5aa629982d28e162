"""Schema migrations while the service runs.

One migrator runs at a time. Waits for table locks are short, so that calls do not queue behind
them.
"""

import asyncio
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.checks.collations import log_changed_collations
from app.db.checks.database import find_defects, find_migration_defects, open_or_explain
from app.db.checks.defects import DatabaseUnfit
from app.db.connections import Connection as DriverConnection
from app.db.connections import describe_error
from app.db.engine import make_engine
from app.db.sqlstates import INSUFFICIENT_PRIVILEGE, sqlstate_of
from app.logs import get_logger

_INSTALLED = Path(__file__).resolve().with_name("scripts")
SCRIPTS = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).resolve().parents[2] / "migrations"
"""Directory of the migrations: inside the package of a wheel, at the top of a checkout."""
LOCK_KEY = 7_236_405_901
LOCK_TIMEOUT_MS = 3_000
STATEMENT_TIMEOUT_MS = 600_000
LOCK_TRIES = 10

log = get_logger("migrate")


class AnotherMigrator(Exception):
    """Another process migrates and did not finish in time."""


def head() -> str:
    """Return the revision that this code needs."""
    revision = ScriptDirectory(str(SCRIPTS)).get_current_head()
    if revision is None:
        raise LookupError(f"no migrations in {SCRIPTS}")
    return revision


async def migrate(url: str, revision: str = "head") -> str:
    """Migrate the database at `url` to `revision` and return the revision reached.

    It is a downgrade when `revision` is `base` or older. A migration that gets no table lock within
    LOCK_TIMEOUT_MS is rolled back and retried, up to LOCK_TRIES times. Raises AnotherMigrator when
    a second migrator holds the advisory lock for a minute, and DatabaseUnfit when the encoding, the
    schema or the user's rights allow no migration.
    """
    await _demand_migratable(url, revision)
    engine = make_engine(url, pool_size=1, application="zeus-relay migrate")
    try:
        async with engine.connect() as connection:
            await _take_lock(connection)
            for tries_left in reversed(range(LOCK_TRIES)):
                try:
                    return await connection.run_sync(_run, revision)
                except DBAPIError as error:
                    await connection.rollback()
                    lock_timed_out = isinstance(
                        getattr(error.orig, "__cause__", None), asyncpg.LockNotAvailableError
                    )
                    if sqlstate_of(error) == INSUFFICIENT_PRIVILEGE:
                        remedy = "run `zeus-relay migrate` as the owner of the tables"
                        raise DatabaseUnfit(f"{describe_error(error)}; {remedy}") from None
                    if not lock_timed_out or not tries_left:
                        raise
                    log.warning("lock_timed_out", tries_left=tries_left)
                    await asyncio.sleep(1)
        raise AssertionError("unreachable")
    finally:
        await engine.dispose()


async def _demand_migratable(url: str, revision: str) -> None:
    connection = await open_or_explain(url, "zeus-relay migrate")
    try:
        defects = await find_defects(connection)
        if not defects and not (revision == "head" and await _is_at_head(connection)):
            defects = await find_migration_defects(connection)
        await log_changed_collations(connection)
    finally:
        connection.terminate()
    if defects:
        raise DatabaseUnfit("\n".join(map(str, defects)))


async def _is_at_head(connection: DriverConnection) -> bool:
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return False
    return bool(await connection.fetchval("SELECT version_num FROM alembic_version") == head())


async def current_revision(url: str) -> str | None:
    """Return the revision of the database at `url`, or None for an empty one."""
    engine = make_engine(url, pool_size=1, application="zeus-relay migrate")
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(
                lambda sync: MigrationContext.configure(sync).get_current_revision()
            )
    finally:
        await engine.dispose()


async def _take_lock(connection: AsyncConnection) -> None:
    for _ in range(60):
        if await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK_KEY}):
            await connection.execute(text(f"SET lock_timeout = {LOCK_TIMEOUT_MS}"))
            await connection.execute(text(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}"))
            await connection.commit()
            return
        await connection.rollback()
        await asyncio.sleep(1)
    raise AnotherMigrator("another process has been migrating for a minute; check if it hangs")


def _run(connection: Connection, revision: str) -> str:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    if revision == "base" or revision.startswith("-"):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)
    connection.commit()
    return MigrationContext.configure(connection).get_current_revision() or "base"
