"""Tunnel through a forward proxy: CONNECT, then TLS with the destination."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import cast

from app.network.address_rules import literal_address
from app.network.http.answer_head import AnswerHead
from app.network.http.connection import HttpConnection
from app.network.http.failures import (
    ConnectionEnded,
    EndlessHead,
    MalformedAnswer,
    ProxyUnreachable,
    TunnelRefused,
)

TLS_SHUTDOWN_S = 1.0
"""Longest wait for the other side's last bytes when a connection over TLS is closed."""
_MADE = range(200, 300)


async def open_tunnel(
    connected: socket.socket,
    request: bytes,
    tls: ssl.SSLContext,
    server_hostname: str,
    make: Callable[[], HttpConnection],
) -> HttpConnection:
    """Return a connection over TLS through the proxy behind `connected`.

    `request` is what `connect_request` returns. Raise TunnelRefused, ProxyUnreachable,
    MalformedAnswer, EndlessHead, OSError or ssl.SSLError.
    """
    loop = asyncio.get_running_loop()
    transport, answer = await loop.create_connection(lambda: _ConnectAnswer(loop), sock=connected)
    try:
        transport.write(request)
        await answer.arrived
        connection = make()
        encrypted = await loop.start_tls(
            transport,
            connection,
            tls,
            server_hostname=server_hostname,
            ssl_shutdown_timeout=TLS_SHUTDOWN_S,
        )
        connection.connection_made(cast("asyncio.Transport", encrypted))
    except BaseException:
        transport.abort()
        raise
    return connection


def connect_request(host: str, port: int, authorization: str | None) -> bytes:
    """Return the request to a proxy for a tunnel to `host`, a name or a literal address."""
    shown = f"[{host}]" if isinstance(literal_address(host), IPv6Address) else host
    lines = [f"CONNECT {shown}:{port} HTTP/1.1", f"Host: {shown}:{port}"]
    if authorization is not None:
        lines.append(f"Proxy-Authorization: {authorization}")
    return "\r\n".join([*lines, "", ""]).encode()


class _ConnectAnswer(asyncio.Protocol):
    """Reads the proxy's answer to CONNECT."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.arrived: asyncio.Future[None] = loop.create_future()
        self._head = AnswerHead()

    def data_received(self, data: bytes) -> None:
        if self.arrived.done():
            return
        try:
            self._head.feed(data)
        except EndlessHead as endless:
            self.arrived.set_exception(endless)
            return
        if self._head.status is not None and self._head.status not in _MADE:
            self.arrived.set_exception(TunnelRefused(self._head.status))
        elif self._head.is_followed:
            self.arrived.set_exception(MalformedAnswer("the proxy sent more than its answer"))
        elif self._head.is_complete:
            self.arrived.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.arrived.done():
            lost = ProxyUnreachable("the proxy ended the connection")
            lost.__cause__ = exc or ConnectionEnded()
            self.arrived.set_exception(lost)
