"""Pool of connections: kept ones, the last one first, and new ones to checked addresses."""

import asyncio
import socket
import ssl
from functools import partial
from ipaddress import IPv6Address
from typing import NamedTuple

from aiohappyeyeballs import AddrInfoType, start_connection

from app.network.address_rules import Address, literal_address
from app.network.http.connection import HttpConnection
from app.network.http.failures import ProxyUnreachable
from app.network.http.tunnel import GOODBYE_S, connect_request, open_tunnel
from app.network.resolver import VettingResolver

# Common servers close idle connections after 5 s. We close them first, because a request on a
# connection that is being closed fails.
KEEP_ALIVE_S = 4.0
_NEXT_ADDRESS_S = 0.25
"""Time after which the next address of a name is tried beside the last one (RFC 8305)."""


class HttpProxy(NamedTuple):
    """A forward proxy, and the value of Proxy-Authorization or None."""

    host: str
    port: int
    authorization: str | None = None


class Destination(NamedTuple):
    """Where a connection leads: only equal destinations share connections.

    `tls` is None for http://. `name` is the host of the URL, which its certificate must have; a
    proxy gets the literal address `host` instead.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None
    name: str
    proxy: HttpProxy | None = None


class ConnectionPool:
    """Connections of one client. Any number may be open: the caller limits its requests."""

    def __init__(self, resolver: VettingResolver) -> None:
        """Look names up with `resolver`, which also checks the addresses."""
        self._resolver = resolver
        self._idle: dict[Destination, list[HttpConnection]] = {}
        self._sweeping: asyncio.TimerHandle | None = None

    async def take(self, destination: Destination, seconds: float) -> HttpConnection:
        """Return a connection for one exchange; `put_back` has to follow.

        A new one may take `seconds`: name, TCP and TLS together. Raise TimeoutError,
        DestinationRefused, socket.gaierror, OSError, ssl.SSLError or HttpFailure.
        """
        idle = self._idle.get(destination)
        while idle:
            connection = idle.pop()
            if connection.is_usable:
                return connection
        async with asyncio.timeout(seconds):
            return await self._open(destination)

    def put_back(self, destination: Destination, connection: HttpConnection) -> None:
        """Keep a connection after its exchange for the next one, if it can be used again."""
        if not connection.is_usable:
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.setdefault(destination, []).append(connection)
        if self._sweeping is None:
            self._sweeping = loop.call_later(KEEP_ALIVE_S, self._sweep, loop)

    def close(self) -> None:
        """Close all idle connections."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close the connections that were idle for too long, and come again for the others."""
        self._sweeping = None
        now = loop.time()
        oldest = now
        for destination, connections in list(self._idle.items()):
            kept = []
            for connection in connections:
                if connection.is_usable and now - connection.idle_since < KEEP_ALIVE_S:
                    kept.append(connection)
                    oldest = min(oldest, connection.idle_since)
                else:
                    connection.close()
            if kept:
                self._idle[destination] = kept
            else:
                del self._idle[destination]
        if self._idle:
            self._sweeping = loop.call_at(oldest + KEEP_ALIVE_S, self._sweep, loop)

    async def _open(self, destination: Destination) -> HttpConnection:
        loop = asyncio.get_running_loop()
        host, port, tls, name, proxy = destination
        connected = await (self._connect(host, port) if proxy is None else self._reach(proxy))
        make = partial(HttpConnection, loop)
        server_hostname = name.rstrip(".") if tls else None
        if proxy is not None and tls is not None:
            request = connect_request(host, port, proxy.authorization)
            return await open_tunnel(connected, request, tls, name.rstrip("."), make)
        _, connection = await loop.create_connection(
            make,
            sock=connected,
            ssl=tls,
            server_hostname=server_hostname,
            ssl_shutdown_timeout=GOODBYE_S if tls else None,
        )
        return connection

    async def _reach(self, proxy: HttpProxy) -> socket.socket:
        try:
            return await self._connect(proxy.host, proxy.port)
        except TimeoutError:
            raise
        except OSError as error:
            raise ProxyUnreachable("no connection to the proxy") from error

    async def _connect(self, host: str, port: int) -> socket.socket:
        """Return a TCP connection to the first address of `host` that answers."""
        literal = literal_address(host)
        addresses = [literal] if literal is not None else await self._resolver.addresses(host)
        return await start_connection(
            [_address_info(address, port) for address in addresses],
            happy_eyeballs_delay=_NEXT_ADDRESS_S,
        )


def _address_info(address: Address, port: int) -> AddrInfoType:
    """Return an address as `getaddrinfo` does."""
    if isinstance(address, IPv6Address):
        return (
            socket.AF_INET6,
            socket.SOCK_STREAM,
            socket.IPPROTO_TCP,
            "",
            (str(address), port, 0, 0),
        )
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (str(address), port)
