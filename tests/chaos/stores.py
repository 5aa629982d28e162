"""Postgres of a line, with the connection that the line needs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from bench.ports import free_port
from tests.chaos.front import Pooler
from tests.chaos.network import Network, network
from tests.chaos.plan import Database, Line
from tests.chaos.postgres import Server, Template

_Result = TypeVar("_Result")


async def blocking(function: Callable[..., _Result], *arguments: Any) -> _Result:
    """Run a blocking call in a thread: the subscriber of the line runs in this one."""
    return await asyncio.to_thread(function, *arguments)


@dataclass(slots=True)
class Store:
    """A running Postgres. `url` is the service's, `admin_url` ours; both find the primary."""

    server: Server
    url: str = field(init=False)
    admin_url: str = field(init=False)
    standby: Server | None = None
    network: Network | None = None
    pooler: Pooler | None = None

    def __post_init__(self) -> None:
        self.url, self.admin_url = self.server.url, self.server.admin_url
        if self.standby is not None:
            both = f"{self.server.host}:{self.server.port},{self.standby.host}:{self.standby.port}"
            self.url, self.admin_url = (
                f"postgresql://relay@{both}/relay",
                f"postgresql://postgres@{both}/relay",
            )
        if self.pooler is not None:
            self.url = self.pooler.url


@asynccontextmanager
async def store(line: Line, template: Template, directory: Path) -> AsyncIterator[Store]:
    """Make the database of a line for the time of the block."""
    async with AsyncExitStack() as stack:
        server = Server(
            template, directory / "postgres" / "data", free_port(), options=line.server_options
        )
        own = stack.enter_context(network()) if line.database is Database.NETWORK else None
        if own is not None:
            server = replace(server, host=own.host, within=own.within)
        if line.database is Database.STANDBY:
            # Without a synchronous standby the last commits would be lost with the primary.
            server = replace(server, options=("synchronous_standby_names=*",))
        stack.callback(server.kill)
        await blocking(server.create)
        await blocking(server.start)
        standby = await _standby(server, stack) if line.database is Database.STANDBY else None
        pooler = (
            await _pooler(server, directory, stack) if line.database is Database.POOLER else None
        )
        yield Store(server, standby=standby, network=own, pooler=pooler)


async def _standby(server: Server, stack: AsyncExitStack) -> Server:
    standby = await blocking(server.standby, server.data.with_name("standby"))
    stack.callback(standby.kill)
    await blocking(standby.start)
    return standby


async def _pooler(server: Server, directory: Path, stack: AsyncExitStack) -> Pooler:
    pooler = Pooler(server.port, directory / "pgbouncer")
    stack.callback(pooler.stop)
    await blocking(pooler.start)
    return pooler
