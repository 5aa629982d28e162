"""Pool of connections: kept ones, the last one first, and new ones to checked addresses."""

import asyncio
import socket
import ssl
from functools import partial
from ipaddress import IPv6Address
from typing import NamedTuple

from aiohappyeyeballs import AddrInfoType, start_connection

from app.network.address_rules import Address, literal_address
from app.network.http.connection import Answer, HttpConnection
from app.network.http.failures import ProxyUnreachable
from app.network.http.tunnel import TLS_SHUTDOWN_S, connect_request, open_tunnel
from app.network.resolver import VettingResolver

# Common servers close idle connections after 5 s. We close them first, because a request on a
# connection that is being closed is sent twice.
KEEP_ALIVE_S = 4.0
_STALE_S = 1.0
"""Time within which the end of a kept connection means that the other side had closed it before."""
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

    async def exchange(
        self,
        destination: Destination,
        request: bytes,
        answer: Answer,
        *,
        connect_s: float,
        total_s: float,
    ) -> None:
        """Send `request` and read into `answer`, which holds what came before a failure.

        A new connection may take `connect_s` seconds: name, TCP and TLS together; everything may
        take `total_s`. A request on a kept connection that the other side ends at once, without a
        byte of an answer, is sent again on a new one: servers close idle connections while a
        request is on its way, and some proxies after every answer.

        Raise OSError (TimeoutError, ConnectionEnded), ssl.SSLError, socket.gaierror,
        DestinationRefused or HttpFailure.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        kept = self._take_kept(destination)
        if kept is not None:
            try:
                await self._exchange_on(kept, destination, request, answer, total_s)
                return
            except ConnectionError:
                if answer.has_begun or loop.time() - began > _STALE_S:
                    raise
        async with asyncio.timeout(connect_s):
            opened = await self._open(destination)
        left_s = total_s - (loop.time() - began)
        await self._exchange_on(opened, destination, request, answer, left_s)

    def _take_kept(self, destination: Destination) -> HttpConnection | None:
        idle = self._idle.get(destination)
        while idle:
            connection = idle.pop()
            if connection.is_usable:
                return connection
        return None

    async def _exchange_on(
        self,
        connection: HttpConnection,
        destination: Destination,
        request: bytes,
        answer: Answer,
        seconds: float,
    ) -> None:
        """Use `connection`, and keep it if it can be used again."""
        try:
            await connection.exchange(request, answer, seconds)
        finally:
            if connection.is_usable:
                self._keep(destination, connection)

    def _keep(self, destination: Destination, connection: HttpConnection) -> None:
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
        certified = name.rstrip(".")
        if proxy is not None and tls is not None:
            request = connect_request(host, port, proxy.authorization)
            return await open_tunnel(connected, request, tls, certified, make)
        _, connection = await loop.create_connection(
            make,
            sock=connected,
            ssl=tls,
            server_hostname=certified if tls else None,
            ssl_shutdown_timeout=TLS_SHUTDOWN_S if tls else None,
        )
        return connection

    async def _reach(self, proxy: HttpProxy) -> socket.socket:
        try:
            return await self._connect(proxy.host, proxy.port)
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
