"""SQLAlchemy engine and sessions on connections that `connections.connect` makes."""

import math
import time
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
IDLE_SECONDS = 60.0
"""Age of an idle connection that is used no more: firewalls forget such connections silently."""
_RETURNED = "returned"


def make_engine(
    url: str,
    *,
    pool_size: int = 5,
    application: str = "zeus-relay",
    planner: Mapping[str, str] = NO_SETTINGS,
    idle_s: float = IDLE_SECONDS,
) -> AsyncEngine:
    """Return an engine that makes every connection by `connect`, also for several hosts or sockets.

    The connection that was returned last is used next, since its statements are prepared and its
    server process has what it needs in memory. One that the server has closed, or that was idle for
    more than `idle_s` seconds, is replaced at checkout.
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
        pool_use_lifo=True,
        pool_pre_ping=False,
        hide_parameters=True,  # parameters hold names and telephone numbers; errors end in logs
    )
    _discard_unusable(engine, idle_s)
    return engine


def _discard_unusable(engine: AsyncEngine, idle_s: float) -> None:
    """Make the pool replace connections that are closed, or that were idle for too long.

    Unlike a ping, this sends nothing and costs nothing.
    """

    def note_return(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[_RETURNED] = time.monotonic()

    def check(_connection: Any, record: ConnectionPoolEntry, _handed_out: Any) -> None:
        driver: Any = record.driver_connection
        returned = record.info.get(_RETURNED, math.inf)
        if driver.is_closed() or time.monotonic() - returned > idle_s:
            raise DisconnectionError

    event.listen(engine.sync_engine, "checkin", note_return)
    event.listen(engine.sync_engine, "checkout", check)


def make_sessions(engine: AsyncEngine) -> Sessions:
    """Return sessions that keep loaded values after a commit."""
    return async_sessionmaker(engine, expire_on_commit=False)
