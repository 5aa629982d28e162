"""Statements straight on the driver's connection, for transactions that many calls wait for.

A session takes about three times as long for a small statement as Postgres does. The pool of the
engine, its planner settings and its limits stay the same.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import TextClause
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

from app.db.connections import CONNECT_ERRORS, Connection, Row, goes_direct
from app.db.engine import Sessions

_DIALECT = dialect.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


class Statements(Protocol):
    """What runs statements: a session, or a connection of the driver."""

    async def execute(
        self, statement: TextClause, parameters: Mapping[str, Any] | None = None, /
    ) -> Any:
        """Run a statement with named parameters, and return its rows."""


class Rows(list[Row]):
    """Rows of one statement, with what a session's result offers."""

    def all(self) -> list[Row]:
        """Return the rows."""
        return self

    def mappings(self) -> "Rows":
        """Return the rows: each is a mapping too."""
        return self

    def one(self) -> Row:
        """Return the only row. Raise ValueError if there is another number of rows."""
        [row] = self
        return row

    def scalars(self) -> list[Any]:
        """Return the first column of each row."""
        return [row[0] for row in self]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """SQL with numbered parameters, their names in order, and the values of those that have one."""

    sql: str
    names: tuple[str, ...]
    defaults: Mapping[str, Any]


_compiled: dict[TextClause, _Compiled] = {}


class Direct:
    """A connection of the driver. Whoever makes it decides on the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def execute(
        self, statement: TextClause, parameters: Mapping[str, Any] | None = None, /
    ) -> Rows:
        """Run a statement of this program, and return its rows. It is compiled once.

        Raises errors of the driver, not those of SQLAlchemy.
        """
        compiled = _compiled.get(statement) or _compile(statement)
        values = {**compiled.defaults, **(parameters or {})}
        arguments = [values[name] for name in compiled.names]
        found: Any = await self._connection.fetch(compiled.sql, *arguments)
        return Rows(found)


@asynccontextmanager
async def direct_transaction(sessions: Sessions) -> AsyncIterator[Direct]:
    """Yield a connection of the pool of `sessions` in a transaction; commit at the end.

    An error rolls back. A cancellation ends the connection. Raises CONNECT_ERRORS.
    """
    async with _driver_of(sessions) as driver, _transaction(driver):
        yield Direct(driver)


@asynccontextmanager
async def direct_statement(sessions: Sessions) -> AsyncIterator[Direct]:
    """Yield a connection for one statement, which is its own transaction.

    Two round trips fewer. A pooler may change servers between preparing a statement and running it,
    so there a transaction is needed after all. A cancellation ends the connection. Raises
    CONNECT_ERRORS.
    """
    async with _driver_of(sessions) as driver:
        if not goes_direct(driver):
            async with _transaction(driver):
                yield Direct(driver)
            return
        try:
            yield Direct(driver)
        except asyncio.CancelledError:
            driver.terminate()
            raise


async def finds_any(
    sessions: Sessions, query: TextClause, parameters: Mapping[str, Any] | None = None
) -> bool:
    """Return whether `query` finds a row. Raises CONNECT_ERRORS.

    For loops that nearly always find nothing: a look without a transaction is one round trip, and a
    transaction that finds nothing takes three.
    """
    async with direct_statement(sessions) as connection:
        return bool(await connection.execute(query, parameters))


@asynccontextmanager
async def _driver_of(sessions: Sessions) -> AsyncIterator[Any]:
    engine: AsyncEngine = sessions.kw["bind"]
    pooled = await engine.raw_connection()
    try:
        yield pooled.driver_connection
    finally:
        await greenlet_spawn(pooled.close)


@asynccontextmanager
async def _transaction(driver: Connection) -> AsyncIterator[None]:
    await driver.execute("BEGIN")
    try:
        yield
        await driver.execute("COMMIT")
    except asyncio.CancelledError:
        driver.terminate()
        raise
    except BaseException:
        await _roll_back(driver)
        raise


async def _roll_back(driver: Connection) -> None:
    try:
        if not driver.is_closed():
            await driver.execute("ROLLBACK")
    except CONNECT_ERRORS:
        driver.terminate()


def _compile(statement: TextClause) -> _Compiled:
    compiled = statement.compile(dialect=_DIALECT)
    names = tuple(compiled.positiontup or ())
    given = {name: value for name, value in compiled.params.items() if value is not None}
    _compiled[statement] = found = _Compiled(compiled.string, names, given)
    return found
