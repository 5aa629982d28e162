"""Single connections to Postgres through asyncpg.

They serve statements with many rows and LISTEN, and the engine makes its connections here.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import asyncpg

from app.db.driver.arguments import driver_arguments
from app.db.driver.pooler import (
    goes_through_pooler,
    is_behind_pooler,
    is_rejected_by_pooler,
    note_pooler,
)
from app.db.sqlstates import find_sqlstate, sqlstate_of
from app.settings.database_url import Host, read_database_url

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:  # only the stubs know that it is generic
    Connection = asyncpg.Connection


class Row(asyncpg.Record):
    """Row whose columns are attributes too.

    Connections have it as their class of rows. The driver forgets the class of a single statement
    when it prepares that again after a migration.
    """

    def __getattr__(self, name: str) -> Any:
        """Return the column with this name. Raise AttributeError without one."""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


CONNECT_ERRORS = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""Errors that `connect` raises, also through an engine, which does not wrap them.

InternalClientError is raised when none of several hosts is the primary.
"""
CONNECT_TIMEOUT_S = 5.0
HOST_TIMEOUT_S = 2.0
STATEMENT_TIMEOUT_MS = 30_000

NO_SETTINGS: Mapping[str, str] = {}
HELD_TO_INDEXES = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_sort": "off",
    "enable_incremental_sort": "off",
    "plan_cache_mode": "force_generic_plan",
}
"""Planner settings for connections whose statements look up few rows of large tables.

A plan cached while a table was small must still be good when the table is large. With these
settings, rows are looked up one by one through the index that has the required order. Planning such
a statement anew can take longer than running it, so all plans are generic. A pooler keeps no plans
and takes no settings.
"""

_through_pooler: WeakSet[Connection] = WeakSet()
_found: dict[str, tuple[str, int | None]] = {}
"""Host of each multi-host URL that was last seen as the primary. Others may never answer."""


async def connect(
    url: str,
    *,
    application: str = "zeus-relay",
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
    lock_timeout_ms: int = 0,
    planner: Mapping[str, str] = NO_SETTINGS,
) -> Connection:
    """Open one asyncpg connection; with several hosts in `url`, to the one that accepts writes.

    `url` is a postgresql:// URL, as `read_database_url` reads it. Statements end after
    `statement_timeout_ms`, waits for a lock after `lock_timeout_ms` (0: never). Behind a pooler
    only the client's own timeout applies, a little later. `planner` holds settings of the server's
    planner. Raises one of CONNECT_ERRORS (a timeout is an OSError), or WrongDatabaseUrl.
    """
    read = read_database_url(url)
    named = f"{application} ({read.application})" if read.application else application
    settings = {
        "statement_timeout": str(statement_timeout_ms),
        "lock_timeout": str(lock_timeout_ms),
        "jit": "off",
        **planner,
    }
    arguments = driver_arguments(read)
    arguments["record_class"] = Row
    arguments["command_timeout"] = statement_timeout_ms / 1000 + 1
    arguments["server_settings"] = {**dict(read.server_settings), "application_name": named}
    hosts: list[Host | None] = sorted(read.hosts, key=lambda host: host != _found.get(url))
    if len(hosts) > 1:
        arguments.setdefault("target_session_attrs", "read-write")
    timeout = read.connect_timeout or (CONNECT_TIMEOUT_S if len(hosts) < 2 else HOST_TIMEOUT_S)
    for host in hosts or [None]:
        at = {"host": host[0], "port": host[1]} if host else {}
        if read.pooled:
            note_pooler(_key(url, host))
        try:
            connection = await _connect_host(
                _key(url, host), settings, {"timeout": timeout, **arguments, **at}
            )
        except CONNECT_ERRORS:
            if not host or host == hosts[-1]:
                raise
        else:
            if host:
                _found[url] = host
            return connection
    raise AssertionError("unreachable")


async def _connect_host(
    key: str, settings: dict[str, str], arguments: dict[str, Any]
) -> Connection:
    if not goes_through_pooler(key):
        direct = {**arguments["server_settings"], "timezone": "UTC", **settings}
        try:
            connection: Connection = await asyncpg.connect(
                **{**arguments, "server_settings": direct}
            )
        except asyncpg.PostgresError as error:
            if not is_rejected_by_pooler(error):
                raise
            note_pooler(key)
        else:
            try:
                pooled = await is_behind_pooler(connection)
            except BaseException:  # a cancellation too: only this function knows the connection yet
                connection.terminate()
                raise
            if not pooled:
                return connection
            note_pooler(key)
            connection.terminate()
    unnamed: Connection = await asyncpg.connect(statement_cache_size=0, **arguments)
    _through_pooler.add(unnamed)
    return unnamed


def _key(url: str, host: Host | None) -> str:
    """Return the key under which a host of a URL is stored."""
    return f"{url} {host}"


def is_pooled(url: str) -> bool:
    """Return True when connections to `url` go through a pooler, as seen or as the URL says.

    A pooler has no LISTEN and no state that outlives a transaction.
    """
    read = read_database_url(url)
    return read.pooled or any(
        goes_through_pooler(_key(url, host)) for host in read.hosts or (None,)
    )


def goes_direct(connection: Connection) -> bool:
    """Return True when `connection` keeps its server between transactions: no pooler is there."""
    return connection not in _through_pooler


def is_outdated_plan(error: BaseException) -> bool:
    """Return True when a migration changed a column of a statement prepared before.

    The driver and SQLAlchemy's adapter drop such statements, so the next attempt succeeds.
    """
    return type(error).__name__ == asyncpg.InvalidCachedStatementError.__name__


def describe_error(error: BaseException) -> str:
    """Return an error as text that is safe to log: without row values and passwords.

    The text is the class of the error and its SQLSTATE. The server's message is added where the
    SQLSTATE table says that it names no values.
    """
    cause = getattr(error, "orig", None) or error
    sqlstate = sqlstate_of(error)
    name = type(cause).__name__
    if not sqlstate:
        return f"{name}: {cause}" if isinstance(cause, OSError) else name
    found = find_sqlstate(sqlstate)
    if not (found and found.names_no_values):
        return f"{name} ({sqlstate})"
    message = getattr(cause, "__cause__", None) or cause  # SQLAlchemy's own holds the statement
    return f"{name} ({sqlstate}): {message}"
