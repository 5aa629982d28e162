"""Single connections to Postgres, through asyncpg: for statements that carry many rows, for LISTEN, and beneath the engine."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg

from app.db.poolers import goes_through_pooler, is_refused_by_pooler, note_pooler, stands_behind_pooler

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:  # only the stubs know that it is generic
    Connection = asyncpg.Connection

CONNECT_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What `connect` raises, also through an engine, which does not wrap it. The last is raised when no host of several is the primary."""
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
}
"""Planner settings for connections whose statements look up few rows of large tables.

A plan that was cached while a table was small must be right when it is large: rows are looked up one by
one, through the index that has them in the order asked for. A pooler keeps no plans and takes no settings.
"""

_found: dict[str, str] = {}
"""Which host of a URL with several was the primary when last seen: the others may be black holes that cost a timeout each."""


async def connect(
    url: str,
    *,
    application: str = "zeus-relay",
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
    lock_timeout_ms: int = 0,
    planner: Mapping[str, str] = NO_SETTINGS,
) -> Connection:
    """Open one asyncpg connection; of several hosts in `url`, to the one that takes writes.

    `url` is a postgresql:// URL. Statements end after `statement_timeout_ms`, waits for a lock after `lock_timeout_ms` (0: never);
    behind a pooler only the client's own timeout, a little later, sees to that.
    `planner` are settings of the server's planner. Raises one of CONNECT_ERRORS (a timeout is an OSError).
    """
    settings = {"statement_timeout": str(statement_timeout_ms), "lock_timeout": str(lock_timeout_ms), "jit": "off", **planner}
    limits: dict[str, Any] = {"command_timeout": statement_timeout_ms / 1000 + 1}
    hosts = _single_hosts(url)
    if len(hosts) == 1:
        return await _connect_host(url, application, settings, {"timeout": CONNECT_TIMEOUT_S, **limits})
    if "target_session_attrs" not in parse_qs(urlsplit(url).query):
        limits["target_session_attrs"] = "read-write"
    hosts.sort(key=lambda host: host != _found.get(url))
    for host in hosts:
        try:
            connection = await _connect_host(host, application, settings, {"timeout": HOST_TIMEOUT_S, **limits})
        except CONNECT_ERRORS:
            if host == hosts[-1]:
                raise
        else:
            _found[url] = host
            return connection
    raise AssertionError("unreachable")


async def _connect_host(url: str, application: str, settings: dict[str, str], limits: dict[str, Any]) -> Connection:
    if not goes_through_pooler(url):
        try:
            connection: Connection = await asyncpg.connect(
                url, server_settings={"application_name": application, "timezone": "UTC", **settings}, **limits
            )
        except asyncpg.PostgresError as error:
            if not is_refused_by_pooler(error):
                raise
            note_pooler(url)
        else:
            try:
                pooled = await stands_behind_pooler(connection)
            except BaseException:  # a cancellation too: nobody else knows of this connection yet
                connection.terminate()
                raise
            if not pooled:
                return connection
            note_pooler(url)
            connection.terminate()
    unnamed: Connection = await asyncpg.connect(url, statement_cache_size=0, server_settings={"application_name": application}, **limits)
    return unnamed


def _single_hosts(url: str) -> list[str]:
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    return [urlunsplit(parts._replace(netloc=user + at + host)) for host in hosts.split(",")]


def is_pooled(url: str) -> bool:
    """Whether a connection to `url` was seen to go through a pooler: no LISTEN there, and no state that outlives a transaction."""
    return any(goes_through_pooler(host) for host in _single_hosts(url))


def describe_error(error: BaseException) -> str:
    """An error as text that is safe to log: its kind and SQLSTATE, never the row it speaks of."""
    cause = getattr(error, "orig", None) or error
    sqlstate = getattr(cause, "sqlstate", None)
    name = type(cause).__name__
    if sqlstate:
        return f"{name} ({sqlstate})"
    return f"{name}: {cause}" if isinstance(cause, OSError) else name
