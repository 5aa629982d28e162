"""Routes to subscribers through a forward proxy, to addresses looked up and checked here."""

import asyncio
import ssl
from collections.abc import Mapping
from ipaddress import ip_network
from types import MappingProxyType
from typing import NamedTuple

from yarl import URL

from app.network.http.connection_pool import Destination, HttpProxy
from app.network.http.request import PostUrl
from app.network.resolver import VettingResolver

ANYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))
"""Networks allowed for the proxy itself: whoever set it chose its address."""


class Route(NamedTuple):
    """Where a request goes: the connection, the target of its first line, and further headers."""

    destination: Destination
    target: str
    headers: Mapping[str, str] = MappingProxyType({})


class ProxyRoutes:
    """Routes through an HTTP proxy to checked addresses, never to names.

    Given a name, the proxy would look it up again and could find an address that was not checked.
    https URLs use CONNECT.
    """

    def __init__(self, proxy: str, resolver: VettingResolver, connect_s: float) -> None:
        """Use the proxy at an http:// URL, with user and password if it needs them.

        A look-up may take `connect_s` seconds.
        """
        post_url = PostUrl.of(URL(proxy))
        self._proxy = HttpProxy(post_url.host, post_url.port, post_url.authorization)
        self._resolver = resolver
        self._connect_s = connect_s

    async def to(self, post_url: PostUrl, tls: ssl.SSLContext | None) -> Route:
        """Return the route to a URL. Raise DestinationRefused, socket.gaierror or TimeoutError.

        A request over TLS goes through a tunnel and is as without a proxy. One over http:// names
        its whole URL, and carries the proxy's password.
        """
        url = post_url.url
        if post_url.literal is None:
            async with asyncio.timeout(self._connect_s):
                url = url.with_host(str((await self._resolver.addresses(post_url.host))[0]))
        there = PostUrl.of(url)
        destination = Destination(there.host, post_url.port, tls, post_url.host, self._proxy)
        if tls is not None:
            return Route(destination, post_url.target)
        password = self._proxy.authorization
        further = {} if password is None else {"Proxy-Authorization": password}
        return Route(destination, f"http://{there.authority}{post_url.target}", further)
