"""Connections to Postgres: SQLAlchemy's engine for most work, bare asyncpg where one statement carries many rows."""

from typing import TYPE_CHECKING

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

Sessions = async_sessionmaker[AsyncSession]
if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:  # only the stubs know that it is generic
    Connection = asyncpg.Connection

CONNECT_TIMEOUT_S = 5.0
STATEMENT_TIMEOUT_MS = 30_000


async def connect(url: str, *, application: str = "zeus-relay") -> Connection:
    """Open one asyncpg connection. `url` is a postgresql:// URL, several hosts allowed; raises OSError or asyncpg.PostgresError."""
    return await asyncpg.connect(
        url,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=STATEMENT_TIMEOUT_MS / 1000 + 5,
        server_settings={"application_name": application, "statement_timeout": str(STATEMENT_TIMEOUT_MS), "timezone": "UTC", "jit": "off"},
    )


def make_engine(url: str, *, pool_size: int = 5, application: str = "zeus-relay") -> AsyncEngine:
    """An engine whose every connection is made by `connect`, so that asyncpg itself reads the URL (several hosts, sockets)."""

    async def creator() -> Connection:
        return await connect(url, application=application)

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=creator,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=CONNECT_TIMEOUT_S,
        pool_pre_ping=False,
        hide_parameters=True,  # parameters hold names and telephone numbers; errors end in logs
    )


def make_sessions(engine: AsyncEngine) -> Sessions:
    """Sessions that keep loaded values after a commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


def describe_error(error: BaseException) -> str:
    """An error as text that is safe to log: its kind and SQLSTATE, never the row it speaks of."""
    cause = getattr(error, "orig", None) or error
    sqlstate = getattr(cause, "sqlstate", None)
    name = type(cause).__name__
    if sqlstate:
        return f"{name} ({sqlstate})"
    return f"{name}: {cause}" if isinstance(cause, OSError) else name
