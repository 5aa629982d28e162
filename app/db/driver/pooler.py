"""Detection of a pooler such as PgBouncer, where prepared statements and LISTEN do not work."""

from typing import TYPE_CHECKING

import asyncpg

from app.db.sqlstates import PROTOCOL_VIOLATION

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

_pooled: set[str] = set()
"""URLs with a pooler, as this process found. Each is checked again only after a restart."""


def goes_through_pooler(url: str) -> bool:
    """Return True when a pooler was found behind `url`, a URL with one host."""
    return url in _pooled


def note_pooler(url: str) -> None:
    """Store that a pooler was found behind `url`."""
    _pooled.add(url)


def is_rejected_by_pooler(error: asyncpg.PostgresError) -> bool:
    """Return True when a pooler rejected a connection because of settings in the start-up packet.

    See `ignore_startup_parameters` of PgBouncer. Postgres itself rejects an unknown setting with
    another SQLSTATE.
    """
    return error.sqlstate == PROTOCOL_VIOLATION and "startup parameter" in str(error)


async def is_behind_pooler(connection: Connection) -> bool:
    """Return True when another backend runs our statements than the one that accepted us.

    Only a pooler causes that. The simple protocol is used, since it prepares no statement whose
    name may be taken on the pooler's server.
    """
    return (
        await connection.execute(
            f"SELECT 1 WHERE pg_backend_pid() <> {connection.get_server_pid()}"
        )
        == "SELECT 1"
    )
