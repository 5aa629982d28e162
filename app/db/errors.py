"""Transactions that outlast temporary database errors; every other error is raised."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.db.connections import CONNECT_ERRORS, describe_error, is_outdated_plan
from app.db.driver.direct import Statements, direct_statement
from app.db.engine import Sessions, make_sessions
from app.db.sqlstates import ErrorKind, find_sqlstate
from app.logs import get_logger

RETRY_SECONDS = 0.5
_DATABASE_ERRORS = (SQLAlchemyError, *CONNECT_ERRORS)

log = get_logger("forwarding")
Result = TypeVar("Result")
Opened = TypeVar("Opened")


def autocommitting(sessions: Sessions) -> Sessions:
    """Return sessions on the same connections in which each statement is its own transaction.

    This saves the round trips of BEGIN and COMMIT.
    """
    engine: AsyncEngine = sessions.kw["bind"]
    return make_sessions(engine.execution_options(isolation_level="AUTOCOMMIT"))


async def in_transaction(
    sessions: Sessions, what: str, work: Callable[[AsyncSession], Awaitable[Result]]
) -> Result | None:
    """Run `work` in a transaction and return its result, or None after a temporary database error.

    A temporary error is logged as the event `<what>_failed`. Raises every other error.
    """
    return await _unless_temporary(sessions.begin(), what, work)


async def in_statement(
    sessions: Sessions, what: str, work: Callable[[Statements], Awaitable[Result]]
) -> Result | None:
    """Do as `in_transaction` for `work` that runs one statement, at less cost."""
    return await _unless_temporary(direct_statement(sessions), what, work)


async def _unless_temporary(
    opening: AbstractAsyncContextManager[Opened],
    what: str,
    work: Callable[[Opened], Awaitable[Result]],
) -> Result | None:
    try:
        async with opening as opened:
            return await work(opened)
    except _DATABASE_ERRORS as error:
        if not is_temporary(error):
            raise
        log.warning(f"{what}_failed", error=describe_error(error))
        return None


def is_temporary(error: BaseException) -> bool:
    """Return True when a later retry can succeed."""
    if isinstance(error, OSError | PoolExhausted):
        return True
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, SQLAlchemyError):
        return False
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if cause is not None and is_outdated_plan(cause):
        return True
    sqlstate = getattr(cause, "sqlstate", None)
    if sqlstate is None:  # the driver gave up, not the server
        return True
    found = find_sqlstate(sqlstate)
    return found is not None and found.kind is ErrorKind.TEMPORARY
