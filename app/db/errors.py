"""Statements against a database that may be away for a moment: which errors pass by themselves, and which are a fault of the program."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.db.connections import CONNECT_ERRORS, describe_error, is_outdated_plan
from app.db.engine import Sessions, make_sessions
from app.logs import get_logger

RETRY_SECONDS = 0.5
_DATABASE_ERRORS = (SQLAlchemyError, *CONNECT_ERRORS)

# Connection, transaction rolled back (deadlock), resources, object in use, operator intervention, system; a read-only server
# (25006) is an old primary after a failover.
_PASSING_CLASSES = frozenset({"08", "40", "53", "55", "57", "58"})
_PASSING_STATES = frozenset({"25006"})

log = get_logger("forwarding")
Result = TypeVar("Result")


def autocommitting(sessions: Sessions) -> Sessions:
    """Sessions on the same connections whose every statement is a transaction of its own, without the round trips of BEGIN and COMMIT."""
    engine: AsyncEngine = sessions.kw["bind"]
    return make_sessions(engine.execution_options(isolation_level="AUTOCOMMIT"))


async def in_transaction(
    sessions: Sessions, what: str, work: Callable[[AsyncSession], Awaitable[Result]]
) -> Result | None:
    """Do `work` in a transaction and return its result, or None (and log that `what` failed) when the database has passing trouble.

    Raises every other error.
    """
    try:
        async with sessions.begin() as session:
            return await work(session)
    except _DATABASE_ERRORS as error:
        if not is_passing(error):
            raise
        log.warning(f"{what}_failed", error=describe_error(error))
        return None


def is_passing(error: BaseException) -> bool:
    """Whether trying again later can help."""
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
    if sqlstate is None:  # the driver itself gave up, not the server
        return True
    return sqlstate in _PASSING_STATES or sqlstate[:2] in _PASSING_CLASSES
