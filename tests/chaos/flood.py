"""Strangers that flood receivers, a process of their own.

They send endless bodies, pipelines and trickles, and open many connections. The process reads one
line of JSON, a Flood. When its input ends, it writes the number of connections that a receiver
rejected or closed.
"""

import asyncio
import contextlib
import json
import os
import random
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

_PIECE = b"a=b&" * 16_000
_POST = b"POST /zeus/notify HTTP/1.1\r\nHost: a\r\n"
_GET = b"GET /zeus/notify?order_no=D&status=01 HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Kind:
    """Bytes of `connections`: first `beginning`, then `piece` every `pause_s` seconds."""

    connections: int
    beginning: bytes
    piece: bytes
    pause_s: float = 0.01


KINDS = (
    Kind(250, _POST + b"Content-Length: 1000000000\r\n\r\n", _PIECE),
    Kind(
        50,
        _POST + b"Transfer-Encoding: chunked\r\n\r\n",
        (b"1;" + b"e" * 1_000 + b"\r\nx\r\n") * 60,
    ),
    Kind(50, b"GET / HTTP/1.1\r\nA: ", _PIECE),
    Kind(50, b"", _GET * 100),
    Kind(100, _GET, b"\r\n", pause_s=1.0),
    Kind(100, b"", b"", pause_s=1.0),
)


@dataclass(frozen=True, slots=True)
class Flood:
    """Receivers' ports on 127.0.0.1, and `source`, the beginning of the strangers' addresses."""

    ports: list[int]
    source: str


class Flooder:
    """Connections of one flood; `rejected` counts those that a receiver ended."""

    def __init__(self, flood: Flood) -> None:
        self._flood = flood
        self.rejected = 0

    async def again_and_again(self, kind: Kind, port: int) -> None:
        """Hold one connection at a time, until cancelled."""
        while True:
            source = f"{self._flood.source}.{random.randrange(256)}.{random.randrange(1, 255)}"
            try:
                async with _connected(port, source) as (reader, writer):
                    await _send(kind, reader, writer)
            except OSError:
                await asyncio.sleep(0.01)
            self.rejected += 1

    def start(self) -> list[asyncio.Task[None]]:
        """Begin the flood."""
        kinds = [kind for kind in KINDS for _ in range(kind.connections)]
        ports = self._flood.ports
        return [
            asyncio.create_task(self.again_and_again(kind, ports[number % len(ports)]))
            for number, kind in enumerate(kinds)
        ]


@contextlib.asynccontextmanager
async def _connected(
    port: int, source: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.wait_for(
        asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0)), 5
    )
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _send(kind: Kind, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(kind.beginning)
    over = asyncio.create_task(reader.read())
    try:
        while not over.done():
            writer.write(kind.piece)
            sending = asyncio.create_task(writer.drain())
            await asyncio.wait((over, sending), return_when=asyncio.FIRST_COMPLETED)
            sending.cancel()
            await asyncio.sleep(kind.pause_s)
    finally:
        over.cancel()
        await asyncio.gather(over, return_exceptions=True)


async def main() -> None:
    """Flood until standard input ends."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    flooder = Flooder(Flood(**json.loads(await lines.readline())))
    flooding = flooder.start()
    await lines.read()
    assert not any(task.done() for task in flooding), "a connection was given up"
    print(flooder.rejected, flush=True)
    os._exit(0)  # every connection is in use


if __name__ == "__main__":
    asyncio.run(main())
