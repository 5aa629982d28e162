"""SQLAlchemy engine and sessions on connections that `connections.connect` makes."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import await_only

from app.db.connections import CONNECT_TIMEOUT_S, NO_SETTINGS, Connection, connect, is_pooled

Sessions = async_sessionmaker[AsyncSession]

_STATEMENTS_CACHED = 100


def make_engine(
    url: str,
    *,
    pool_size: int = 5,
    application: str = "zeus-relay",
    planner: Mapping[str, str] = NO_SETTINGS,
) -> AsyncEngine:
    """Return an engine that makes every connection by `connect`, also for several hosts or sockets.

    A pooled connection that the server has closed is replaced at checkout.
    """

    def creator() -> Any:
        connection = await_only(connect(url, application=application, planner=planner))

        async def give() -> Connection:
            return connection

        # A pooler changes servers between statements. Only unnamed ones, prepared each time, work.
        pooled: dict[str, Any] = (
            {"prepared_statement_cache_size": 0, "prepared_statement_name_func": str}
            if is_pooled(url)
            else {}
        )
        return engine.dialect.dbapi.connect(  # type: ignore[union-attr]
            async_creator_fn=give, **{"prepared_statement_cache_size": _STATEMENTS_CACHED, **pooled}
        )

    engine = create_async_engine(
        "postgresql+asyncpg://",
        creator=creator,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=CONNECT_TIMEOUT_S,
        pool_pre_ping=False,
        hide_parameters=True,  # parameters hold names and telephone numbers; errors end in logs
    )
    event.listen(engine.sync_engine, "checkout", _discard_closed)
    return engine


def _discard_closed(_connection: Any, record: ConnectionPoolEntry, _handed_out: Any) -> None:
    """Make the pool replace a connection that is known to be closed.

    Unlike a ping, this sends nothing and costs nothing.
    """
    driver: Any = record.driver_connection
    if driver.is_closed():
        raise DisconnectionError


def make_sessions(engine: AsyncEngine) -> Sessions:
    """Return sessions that keep loaded values after a commit."""
    return async_sessionmaker(engine, expire_on_commit=False)
