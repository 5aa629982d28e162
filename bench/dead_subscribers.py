"""Subscribers that are dead in several ways, and a name server that never answers about some names.

One process, for the bench and the tests. `GET /readyz` on the first port tells that everything
listens. Names that begin with `silent` get no answer from the name server; all others are
127.0.0.1. UDP port 53 needs root.
"""

import argparse
import asyncio
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.ports import free_port

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
_ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
_READY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_TTL_S = 30


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of the kinds that need a server. Nobody listens on `refusing`."""

    ready: int = field(default_factory=free_port)
    hanging: int = field(default_factory=free_port)
    slow_body: int = field(default_factory=free_port)
    failing: int = field(default_factory=free_port)
    refusing: int = field(default_factory=free_port)

    def url(self, kind: str, number: int, black_hole: int) -> str:
        """Return the URL of subscriber `number` of this kind. Raise KeyError for no kind."""
        scheme, port = {
            "silent": ("http", self.hanging),
            "hangs": ("http", self.hanging),
            "unaccepted": ("http", black_hole),
            "slow-body": ("http", self.slow_body),
            "refused": ("http", self.refusing),
            "tls": ("https", self.hanging),
            "fails": ("http", self.failing),
        }[kind]
        return f"{scheme}://{kind}-{number}.test:{port}/hook/{kind}-{number}"

    @property
    def arguments(self) -> list[str]:
        """Arguments of the process."""
        return [str(port) for port in (self.ready, self.hanging, self.slow_body, self.failing)]


KINDS = ("silent", "hangs", "unaccepted", "slow-body", "refused", "tls", "fails")
"""Silent name server, hang after connect, unanswered SYN, endless body, refused connection,
endless TLS handshake, status 500."""


class NameServer(asyncio.DatagramProtocol):
    """Answer every question for an address with 127.0.0.1, except about silent names."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for the answers."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question."""
        answer = answer_to(data)
        if answer is not None:
            self._transport.sendto(answer, addr)  # type: ignore[attr-defined]  # a DatagramTransport


def answer_to(question: bytes) -> bytes | None:
    """Return the answer to one DNS question, or None for silence."""
    end = question.index(b"\0", 12)
    if question[13:].startswith(b"silent"):
        return None
    is_a = struct.unpack(">H", question[end + 1 : end + 3])[0] == 1
    header = question[:2] + struct.pack(">HHHHH", 0x8180, 1, int(is_a), 0, 0)
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, _TTL_S, 4) + socket.inet_aton("127.0.0.1")
    return header + question[12 : end + 5] + (record if is_a else b"")


async def _hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await writer.wait_closed()


async def _dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_HEAD)
        while not writer.is_closing():
            writer.write(b".")
            await asyncio.sleep(1)
    except (OSError, EOFError):
        writer.close()


async def _fail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _answer(reader, writer, _ERROR)


async def _ready(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _answer(reader, writer, _READY)


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes
) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
            writer.write(answer)
    except (OSError, EOFError):
        writer.close()


async def serve(ports: Sequence[int], name_server: str | None) -> None:
    """Serve until the process ends."""
    if name_server is not None:
        await asyncio.get_running_loop().create_datagram_endpoint(NameServer, (name_server, 53))
    ready, *others = ports
    servers = [
        await asyncio.start_server(serve_one, "127.0.0.1", port, backlog=4_096)
        for port, serve_one in zip(others, (_hang, _dribble, _fail), strict=True)
    ]
    servers.append(await asyncio.start_server(_ready, "127.0.0.1", ready))
    await asyncio.gather(*(server.serve_forever() for server in servers))


@contextmanager
def black_hole() -> Iterator[int]:
    """Return a port to which connecting never ends: its queue is full, and nobody accepts."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        try:
            yield listener.getsockname()[1]
        finally:
            for filler in fillers:
                filler.close()


def main() -> None:
    """Listen on the ports of the command line."""
    parser = argparse.ArgumentParser(description="Subscribers that are dead in several ways.")
    parser.add_argument("ports", type=int, nargs=4)
    parser.add_argument("--name-server", metavar="ADDRESS")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.ports, arguments.name_server))


if __name__ == "__main__":
    main()
