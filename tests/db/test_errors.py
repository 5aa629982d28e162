"""Temporary database errors, from errors of a real server."""

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.connections import connect
from app.db.engine import Sessions, make_engine, make_sessions
from app.db.error_advice import problem_of
from app.db.errors import in_transaction, is_temporary
from app.db.sqlstates import DatabaseProblem


async def error_of(sessions: Sessions, *statements: str) -> BaseException:
    async with sessions() as session:
        *before, last = map(text, statements)
        for statement in before:
            await session.execute(statement)
        with pytest.raises(DBAPIError) as caught:
            await session.execute(last)
    return caught.value


async def test_a_killed_connection_is_temporary(sessions: Sessions, database_url: str) -> None:
    other = await connect(database_url)
    async with sessions() as session:
        pid = await session.scalar(text("SELECT pg_backend_pid()"))
        await other.execute("SELECT pg_terminate_backend($1)", pid)
        with pytest.raises(DBAPIError) as caught:
            await session.execute(text("SELECT 1"))
    await other.close()
    assert is_temporary(caught.value)


@pytest.mark.parametrize(
    ("statements", "temporary"),
    [
        (["SET LOCAL statement_timeout = 50", "SELECT pg_sleep(5)"], True),
        (["SET TRANSACTION READ ONLY", "DELETE FROM attempts"], True),
        (["SELECT 1 / 0"], False),
        (["SELECT * FROM no_such_table"], False),
        (["SELECT CAST('x' AS int)"], False),
    ],
)
async def test_an_error_of_a_statement_is_temporary_or_not(
    sessions: Sessions, statements: list[str], temporary: bool
) -> None:
    assert is_temporary(await error_of(sessions, *statements)) is temporary


async def test_a_statement_prepared_before_a_migration_is_temporary(
    sessions: Sessions, database_url: str
) -> None:
    query = text("SELECT name FROM subscribers")
    other = await connect(database_url)
    async with sessions() as session:
        for _ in range(2):
            await session.execute(query)
        await session.commit()
        await other.execute('ALTER TABLE subscribers ALTER name TYPE text COLLATE "POSIX"')
        with pytest.raises(DBAPIError) as caught:
            await session.execute(query)
        await session.rollback()
        await session.execute(query)
    await other.close()
    assert is_temporary(caught.value)
    assert DatabaseProblem.BUSY is problem_of(caught.value)


async def test_a_missing_server_is_temporary(tmp_path: object) -> None:
    engine = make_engine(f"postgresql://nobody@/none?host={tmp_path}")
    with pytest.raises(OSError) as caught:
        async with engine.connect():
            pass
    await engine.dispose()
    assert is_temporary(caught.value)


async def test_standbys_without_a_primary_are_temporary(database_url: str) -> None:
    """After the loss of a primary and before a promotion, no host of the URL accepts writes."""
    owner = await connect(database_url)
    await owner.execute(
        f"ALTER DATABASE {await owner.fetchval('SELECT current_database()')} "
        "SET default_transaction_read_only = on"
    )
    await owner.close()
    mark = "&" if "?" in database_url else "?"
    engine = make_engine(f"{database_url}{mark}target_session_attrs=read-write")
    assert (
        await in_transaction(
            make_sessions(engine), "claim", lambda session: session.scalar(text("SELECT 1"))
        )
        is None
    )
    await engine.dispose()


async def test_a_starting_server_is_temporary_and_a_wrong_password_is_not() -> None:
    assert is_temporary(asyncpg.CannotConnectNowError("the database system is starting up"))
    assert is_temporary(asyncpg.TooManyConnectionsError("sorry, too many clients already"))
    assert not is_temporary(asyncpg.InvalidPasswordError("password authentication failed"))
    assert not is_temporary(asyncpg.InvalidCatalogNameError("database does not exist"))


async def test_in_transaction_returns_none_only_for_temporary_errors(sessions: Sessions) -> None:
    async def unavailable(session: object) -> str:
        raise asyncpg.CannotConnectNowError("the database system is starting up")

    async def fault(session: object) -> str:
        raise KeyError("a fault of the program")

    async def mistake(session: AsyncSession) -> str:
        return str(await session.scalar(text("SELECT no_such_column")))

    async def work(session: object) -> str:
        return "done"

    assert await in_transaction(sessions, "step", unavailable) is None
    assert await in_transaction(sessions, "step", work) == "done"
    with pytest.raises(KeyError):
        await in_transaction(sessions, "step", fault)
    with pytest.raises(DBAPIError):
        await in_transaction(sessions, "step", mistake)
