"""Migrations: they match the tables, run in both directions, and wait for locks only briefly."""

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from app.db.connections import connect
from app.db.engine import make_engine
from app.db.migrations import current_revision, head, migrate
from app.db.tables.metadata import Base


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    return list(compare_metadata(context, Base.metadata))


async def _tables(url: str) -> set[str]:
    connection = await connect(url)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row["tablename"] for row in rows} - {"alembic_version"}
    finally:
        await connection.close()


async def test_migrations_match_the_tables(database_url: str) -> None:
    engine = make_engine(database_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
    await engine.dispose()


async def test_up_down_and_up_again(empty_database_url: str) -> None:
    assert await current_revision(empty_database_url) is None
    assert await migrate(empty_database_url) == head()
    assert await _tables(empty_database_url) == set(Base.metadata.tables)
    assert await migrate(empty_database_url, "base") == "base"
    assert await _tables(empty_database_url) == set()
    assert await migrate(empty_database_url) == head()
    assert await _tables(empty_database_url) == set(Base.metadata.tables)


async def test_two_concurrent_migrators_run_one_after_the_other(empty_database_url: str) -> None:
    first, second = await asyncio.gather(migrate(empty_database_url), migrate(empty_database_url))
    assert (first, second) == (head(), head())


async def test_a_held_lock_is_awaited_in_short_attempts(database_url: str) -> None:
    holder = await connect(database_url)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("LOCK TABLE notices IN ACCESS SHARE MODE")  # like a long read
    going_down = asyncio.create_task(migrate(database_url, "base"))
    await asyncio.sleep(4)  # longer than one lock timeout: the first attempt has failed
    assert not going_down.done()
    # Between its attempts the migration blocks no other statement.
    other = await connect(database_url)
    await asyncio.wait_for(other.fetch("SELECT 1 FROM notices LIMIT 1"), 5)
    await transaction.rollback()
    assert await going_down == "base"
    await holder.close()
    await other.close()


@pytest.mark.parametrize("table", sorted(Base.metadata.tables))
def test_every_table_has_a_docstring(table: str) -> None:
    mapper = next(
        mapper
        for mapper in Base.registry.mappers
        if mapper.local_table is Base.metadata.tables[table]
    )
    assert mapper.class_.__doc__
