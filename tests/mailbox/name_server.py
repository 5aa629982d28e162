"""Name server of the tests: TXT records over UDP and TCP, and the ways in which it can fail."""

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset


@dataclass(slots=True)
class NameServer:
    """A running server: its port, its records, and what it was asked."""

    port: int = 0
    records: dict[str, Sequence[bytes]] = field(default_factory=dict)
    fault: str = ""
    """`silent`, `SERVFAIL` or `REFUSED` instead of an answer; `garbage` for bytes."""
    asked: list[str] = field(default_factory=list)

    def resolver(self) -> dns.asyncresolver.Resolver:
        """Return a resolver that asks only this server."""
        made = dns.asyncresolver.Resolver(configure=False)
        made.nameservers, made.port = ["127.0.0.1"], self.port
        return made

    def answer(self, data: bytes, limit: int) -> bytes | None:
        """Return the answer to a question, cut down to `limit` bytes."""
        question = dns.message.from_wire(data)
        name = question.question[0].name
        self.asked.append(name.to_text().rstrip("."))
        if self.fault == "silent":
            return None
        if self.fault == "garbage":
            return data[:2] + b"\xff" * 20
        answer = dns.message.make_response(question)
        if self.fault:
            answer.set_rcode(dns.rcode.from_text(self.fault))
            return answer.to_wire()
        texts = self.records.get(self.asked[-1])
        if texts is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif texts:
            answer.answer.append(
                dns.rrset.from_text_list(name, 60, "IN", "TXT", [_quoted(text) for text in texts])
            )
        wire = answer.to_wire(max_size=65_535)
        if len(wire) > limit:
            answer.answer.clear()
            answer.flags |= dns.flags.TC
            wire = answer.to_wire()
        return wire


def _quoted(text: bytes) -> str:
    """Return a record as strings of 255 bytes at most, as long keys need."""
    pieces = [text[at : at + 255].decode() for at in range(0, len(text), 255)]
    return " ".join('"' + piece.replace('"', '\\"') + '"' for piece in pieces or [""])


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if (wire := self._server.answer(data, 512)) is not None:
            self._transport.sendto(wire, addr)


@asynccontextmanager
async def name_server(host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[NameServer]:
    """Run a name server within this block, at a free port or this one."""
    server = NameServer()

    async def by_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (size,) = struct.unpack("!H", await reader.readexactly(2))
            wire = server.answer(await reader.readexactly(size), 65_535)
            if wire is not None:
                writer.write(struct.pack("!H", len(wire)) + wire)
        finally:
            writer.close()

    tcp = await asyncio.start_server(by_tcp, host, port)
    server.port = tcp.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    udp, _ = await loop.create_datagram_endpoint(
        lambda: _Udp(server), local_addr=(host, server.port)
    )
    try:
        yield server
    finally:
        udp.close()
        tcp.close()
        await tcp.wait_closed()
