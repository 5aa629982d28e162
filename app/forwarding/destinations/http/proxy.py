"""Routes to subscribers through a forward proxy, to addresses looked up and checked here."""

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
"""Networks allowed for the proxy itself: whoever set it chose its address."""


@dataclass(frozen=True, slots=True)
class Route:
    """Destination of a request: URL, further headers and options of the HTTP client."""

    url: URL
    headers: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


class ProxyRoutes:
    """Routes through an HTTP proxy to checked addresses, never to names.

    Given a name, the proxy would look it up again and could find an address that was not checked.
    https URLs use CONNECT.
    """

    def __init__(self, proxy: str, resolver: VettingResolver, connect_s: float) -> None:
        """Use the proxy at an http:// URL, with user and password if it needs them.

        A look-up may take `connect_s` seconds.
        """
        self._proxy = URL(proxy)
        self._resolver = resolver
        self._connect_s = connect_s

    async def to(self, url: URL) -> Route:
        """Return the route to `url`. Raise DestinationRefused, socket.gaierror or TimeoutError."""
        host = url.raw_host or ""
        options: dict[str, Any] = {"proxy": self._proxy}
        if literal_address(host) is not None:  # checked already
            return Route(url, options=options)
        async with asyncio.timeout(self._connect_s):
            found = await self._resolver.resolve(host)
        authority = host if url.is_default_port() else f"{host}:{url.port}"
        if url.scheme == "https":
            options["server_hostname"] = host.rstrip(".")
        return Route(url.with_host(found[0]["host"]), {"host": authority}, options)

    async def close(self) -> None:
        """Cancel look-ups that have not started."""
        await self._resolver.close()


class ProxyResolver(VettingResolver):
    """Resolver of the proxy's own name, which allows any address.

    An unknown name is no failure of a subscriber.
    """

    def __init__(self, lookup: Lookup) -> None:
        super().__init__(ANYWHERE, lookup)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the proxy's addresses. Raise socket.gaierror, always with EAI_AGAIN."""
        try:
            return await super().resolve(host, port, family)
        except socket.gaierror as error:
            raise socket.gaierror(socket.EAI_AGAIN, f"the proxy's name: {error.strerror}") from None
