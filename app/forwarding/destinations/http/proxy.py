"""The way to a subscriber: straight, or through a forward proxy; in either case to an address that was looked up and judged here."""

import asyncio
import socket
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from aiohttp.abc import ResolveResult
from yarl import URL

from app.network.address_rules import literal_address
from app.network.lookups import Lookup
from app.network.resolver import VettingResolver

ANYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))
"""For the proxy itself: whoever set it chose its address."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes: its URL, the headers it needs for that, and further options of the HTTP client."""

    url: URL
    headers: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


class ProxyRoutes:
    """Routes through an HTTP proxy, which is asked (by CONNECT for https) for a judged address and never for a name.

    Otherwise the proxy would look the name up again and could find another address than was judged.
    """

    def __init__(self, proxy: str, resolver: VettingResolver, connect_s: float) -> None:
        """`proxy` is an http:// URL, with user and password if it needs them; a look-up may take `connect_s` seconds."""
        self._proxy = URL(proxy)
        self._resolver = resolver
        self._connect_s = connect_s

    async def to(self, url: URL) -> Route:
        """The route to `url`; raises DestinationRefused, socket.gaierror, TimeoutError."""
        host = url.raw_host or ""
        options: dict[str, Any] = {"proxy": self._proxy}
        if literal_address(host) is not None:  # judged already
            return Route(url, options=options)
        async with asyncio.timeout(self._connect_s):
            found = await self._resolver.resolve(host)
        authority = host if url.is_default_port() else f"{host}:{url.port}"
        if url.scheme == "https":
            options["server_hostname"] = host.rstrip(".")
        return Route(url.with_host(found[0]["host"]), {"host": authority}, options)

    async def close(self) -> None:
        """Give up look-ups that have not started."""
        await self._resolver.close()


class ProxyResolver(VettingResolver):
    """What finds the proxy itself, wherever it is. That its name is not found is no fault of a subscriber's."""

    def __init__(self, lookup: Lookup) -> None:
        super().__init__(ANYWHERE, lookup)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of the proxy; raises socket.gaierror, always as trouble with the name server."""
        try:
            return await super().resolve(host, port, family)
        except socket.gaierror as error:
            raise socket.gaierror(socket.EAI_AGAIN, f"the proxy's name: {error.strerror}") from None
