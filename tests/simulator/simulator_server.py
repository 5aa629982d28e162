"""Real local servers that answer a simulated Zeus well or badly, and keep what it sent."""

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from app.zeus.wire import Call, decode

OK = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n"
    b"Connection: close\r\n\r\nOK"
)


@dataclass
class LocalServer:
    port: int
    requests: list[bytes] = field(default_factory=list)
    open_now: int = 0
    open_at_most: int = 0

    def url(self, path: str = "/zeus/notify") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """A whole request with lines that end in CRLF or LF; empty if the connection ends first."""
    request = b""
    while not re.search(rb"\n\r?\n\Z", request):
        line = await reader.readline()
        if not line:
            return b""
        request += line
    length = re.search(rb"Content-Length: ([0-9]+)", request)
    return request + await reader.readexactly(int(length[1])) if length else request


@asynccontextmanager
async def listening(
    answer: Answer, tls: ssl.SSLContext | None = None
) -> AsyncIterator[LocalServer]:
    """A server that reads one request a connection and lets `answer` deal with it."""
    state = LocalServer(port=0)
    tasks = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        state.open_now += 1
        state.open_at_most = max(state.open_at_most, state.open_now)
        try:
            request = await read_request(reader)
            state.requests.append(request)
            await answer(request, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the caller went away, or the test is over
        finally:
            state.open_now -= 1
            writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls, limit=2**20)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


def saying(answer: bytes, *, after_s: float = 0.0) -> Answer:
    async def say(_: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(after_s)
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return say


async def hang(_: bytes, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def close_without_answer(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


async def reset(_: bytes, writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def one_byte_at_a_time(_: bytes, writer: asyncio.StreamWriter) -> None:
    for byte in OK:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.001)


def target_bytes(request: bytes) -> bytes:
    """The request target as it was sent: from the first to the last space of the first line."""
    line = request.split(b"\n", 1)[0]
    return line[line.index(b" ") + 1 : line.rindex(b" ")]


def arrived(request: bytes) -> Call:
    """What a request says, read by the protocol's own decoder."""
    body = request.split(b"\r\n\r\n", 1)[1] if b"\r\n\r\n" in request else b""
    return decode(target_bytes(request).partition(b"?")[2], body)
