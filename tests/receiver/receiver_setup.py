"""Receiver in this process for tests: real sockets, a real appender, a real database."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from app.db.connections import connect
from app.main.process.listeners import HttpListener
from app.network.allowed_sources import Network, SourceCheck, Sources
from app.receiver.application import NotifyPath, make_receiver
from app.receiver.endpoint import NotifyEndpoint
from app.receiver.http.admission import Admission
from app.receiver.http.connection_limit import ConnectionLimit
from app.receiver.http.protocol import make_protocol
from app.recording.postgres.appender import Appender
from app.recording.rejected.sampler import Sampler

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
CALL = b"order_no=1234-56789-01234&status=04"
PATH = b"/zeus/notify"


@asynccontextmanager
async def receiver(
    database_url: str,
    *,
    allowed: Sequence[Network] = LOOPBACK,
    trusted: Sequence[Network] = (),
    observe: bool = False,
    token: str | None = None,
    descriptors: int = 1024,
) -> AsyncIterator[int]:
    """Yield a receiver on a free port. Stop and drain it at the end."""
    appender = Appender(database_url, on_commit=lambda: None)
    sampler = Sampler(database_url)
    source_check = SourceCheck(Sources(tuple(allowed), tuple(trusted), observe))
    path = NotifyPath(PATH.decode(), token)
    application = make_receiver(NotifyEndpoint(source_check, appender, sampler), path, lambda: True)
    protocol = make_protocol(Admission(source_check, sampler, path), ConnectionLimit(descriptors))
    listener = HttpListener(application, "127.0.0.1", 0, protocol=protocol, public=True)
    background = [asyncio.create_task(appender.run()), asyncio.create_task(sampler.run())]
    listening = asyncio.create_task(listener.run())
    try:
        yield int(listener.address.rpartition(":")[2])
    finally:
        listener.stop()
        await listening
        await appender.drain()
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)


async def fetch(database_url: str, query: str) -> list[Any]:
    """Return the rows of a query."""
    connection = await connect(database_url)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def stored(database_url: str) -> list[Any]:
    """Return the notices in order of arrival."""
    return await fetch(database_url, "SELECT *, host(source) AS address FROM notices ORDER BY id")


def get(target: bytes, *headers: bytes, version: bytes = b"1.0", method: bytes = b"GET") -> bytes:
    """Return a request without a body."""
    return b"\r\n".join([method + b" " + target + b" HTTP/" + version, *headers, b"", b""])


def post(body: bytes, *headers: bytes) -> bytes:
    """Return a request with a body."""
    return (
        get(
            PATH,
            b"Host: relay.example",
            b"Content-Length: %d" % len(body),
            *headers,
            version=b"1.1",
            method=b"POST",
        )
        + body
    )


async def converse(
    port: int, *pieces: bytes, pause: float = 0.02, patience: float = 10, half_close: bool = False
) -> bytes:
    """Send the pieces in order and return all bytes received until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause if len(pieces) > 1 else 0)
        if half_close:
            writer.write_eof()
        async with asyncio.timeout(patience):
            return await reader.read()
    finally:
        writer.close()
