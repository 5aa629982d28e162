"""Names to addresses for outgoing connections: resolved here, judged here, and connected to exactly as judged."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult

from app.forwarding.destinations import Address, check_address
from app.settings import Network

Lookup = Callable[[str], Sequence[Address]]
_THREADS = 32  # a name server that does not answer holds a thread for half a minute; that must not hold up other names


def system_lookup(host: str) -> list[Address]:
    """The addresses of `host` as this machine resolves it; blocks. Raises socket.gaierror."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    # A zone (`%eth0`) only comes with link-local addresses; those are refused, or reached without it.
    return list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


class VettingResolver(AbstractResolver):
    """Resolves names for aiohttp, which then connects to the returned addresses without asking again.

    One forbidden address is enough to refuse the name: what else it returns cannot be trusted.
    """

    def __init__(self, networks: Sequence[Network], lookup: Lookup = system_lookup) -> None:
        """`networks` are allowed beside public addresses; `lookup` runs in a thread and may block."""
        self._networks = networks
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolver")

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """The vetted addresses of `host`; raises DestinationRefused, or socket.gaierror when there are none."""
        addresses = await asyncio.get_running_loop().run_in_executor(self._threads, self._lookup, host)
        for address in addresses:
            check_address(address, self._networks)
        return [_result(host, port, address) for address in addresses]

    async def close(self) -> None:
        """Give up look-ups that have not started."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _result(host: str, port: int, address: Address) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=str(address),
        port=port,
        family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
        proto=0,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
