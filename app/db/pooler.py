"""Telling whether a connection ends at Postgres itself or at a pooler such as PgBouncer, which needs other manners."""

from typing import TYPE_CHECKING

import asyncpg

from app.db.sqlstates import PROTOCOL_VIOLATION

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

_pooled: set[str] = set()
"""URLs behind which a pooler was found in this process. Each is asked again after a restart only."""


def goes_through_pooler(url: str) -> bool:
    """Whether a pooler was found behind `url`, a URL with one host."""
    return url in _pooled


def note_pooler(url: str) -> None:
    """Remember that a pooler was found behind `url`."""
    _pooled.add(url)


def is_refused_by_pooler(error: asyncpg.PostgresError) -> bool:
    """Whether a connection failed because a pooler takes no settings in the start-up packet (PgBouncer, `ignore_startup_parameters`).

    Postgres itself answers a setting that it does not know with another SQLSTATE.
    """
    return error.sqlstate == PROTOCOL_VIOLATION and "startup parameter" in str(error)


async def stands_behind_pooler(connection: Connection) -> bool:
    """Whether the backend that runs our statements is another than the one that greeted us: only a pooler makes that so.

    Asked by the simple protocol, which prepares nothing, since a name of ours may be taken on the pooler's server.
    """
    return (
        await connection.execute(
            f"SELECT 1 WHERE pg_backend_pid() <> {connection.get_server_pid()}"
        )
        == "SELECT 1"
    )
