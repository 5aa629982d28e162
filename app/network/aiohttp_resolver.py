"""The vetting resolver in the shape that aiohttp asks for."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from app.network.address_rules import Address
from app.network.resolver import VettingResolver


class AiohttpResolver(AbstractResolver):
    """Resolves names for aiohttp, which connects to the returned addresses without a new lookup."""

    def __init__(self, resolver: VettingResolver) -> None:
        """Ask `resolver`; `close` closes it too."""
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the checked addresses of `host`. Raises what the resolver raises."""
        addresses = await self._resolver.addresses(host)
        return [_result(host, port, address) for address in addresses]

    async def close(self) -> None:
        """Cancel lookups that have not begun."""
        self._resolver.close()


def _result(host: str, port: int, address: Address) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=str(address),
        port=port,
        family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
        proto=0,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
