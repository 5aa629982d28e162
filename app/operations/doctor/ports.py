"""Use of a port of this machine: free, ours, or another program's."""

import asyncio
import errno
import socket
from enum import StrEnum

_SECONDS = 1.0
_ANY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to


class Use(StrEnum):
    """Use of a port, in words that follow its number."""

    FREE = "is free"
    OURS = "is answered by a zeus-relay"
    FOREIGN = "is used by another program"
    NOT_ALLOWED = "may not be used by this user"
    NO_ADDRESS = "cannot be used: the address is none of this machine"


async def use_of_port(host: str, port: int) -> Use:
    """Return the use of `host` and `port`, by trying to listen. Port 0 means any free port."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError:
        return Use.NO_ADDRESS
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen()  # with SO_REUSEADDR, some systems fail only here
        except OSError as error:
            return await _reason(error, host, port)
    return Use.FREE


async def _reason(error: OSError, host: str, port: int) -> Use:
    if error.errno == errno.EADDRINUSE:
        return Use.OURS if await _says_alive(_ANY.get(host, host), port) else Use.FOREIGN
    return Use.NOT_ALLOWED if error.errno == errno.EACCES else Use.NO_ADDRESS


async def _says_alive(host: str, port: int) -> bool:
    """Return True if /healthz is answered as a zeus-relay answers it."""
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(
                    f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
                )
                answer = await reader.read()
            finally:
                writer.transport.abort()
    except OSError:
        return False
    return answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"alive\n")
