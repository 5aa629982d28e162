"""Allowed sources: the client address, also behind trusted proxies, and the allow-list."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Headers = Sequence[tuple[bytes, bytes]]

# A quoted string of RFC 7239 may hold commas and semicolons.
_ELEMENTS = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')
_FOR = re.compile(r'(?:\A|;)\s*for\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]*)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sources:
    """The allow-list. With `observe`, calls from other sources are recorded too, and reported."""

    allowed: tuple[Network, ...]
    trusted_proxies: tuple[Network, ...] = ()
    observe: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """The source of a call. `address` is None if the proxy does not name it.

    `listed`: the address is an allowed source. `admitted`: the call may be recorded.
    """

    peer: Address | None
    address: Address | None
    behind_proxy: bool
    listed: bool
    admitted: bool


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address | None:
    """Return an address read from text, or None.

    An IPv4-mapped IPv6 address becomes IPv4. Brackets, a port and a zone are dropped.
    """
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


class SourceCheck:
    """Checks the source of each call. The allow-list can be replaced while calls arrive."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def change(self, sources: Sources) -> None:
        """Replace the allow-list from now on."""
        self._sources = sources

    def expects(self, peer: str) -> bool:
        """Return True when a connection from this address may carry an allowed call."""
        sources = self._sources
        address = parse_address(peer)
        return address is not None and (
            sources.observe
            or _within(address, sources.allowed)
            or _within(address, sources.trusted_proxies)
        )

    def look(self, peer: str, headers: Headers) -> Caller:
        """Return the source of a call with these header lines on a connection from `peer`.

        Header names are in lower case. Behind a trusted proxy the source is the right-most address
        in X-Forwarded-For that is not a trusted proxy itself. Without that header, Forwarded
        (RFC 7239) is read in the same way. Untrusted clients can write addresses further left.
        """
        sources = self._sources
        nearest = parse_address(peer)
        behind_proxy = nearest is not None and _within(nearest, sources.trusted_proxies)
        address = (
            _vouched_for(nearest, _forwarded(headers), sources.trusted_proxies)
            if behind_proxy
            else nearest
        )
        listed = address is not None and _within(address, sources.allowed)
        return Caller(nearest, address, behind_proxy, listed, listed or sources.observe)


def _vouched_for(
    nearest: Address | None, forwarded: list[str], trusted: tuple[Network, ...]
) -> Address | None:
    address = nearest
    for entry in reversed(forwarded):
        address = parse_address(entry)
        if address is None or not _within(address, trusted):
            return address
    return address


def _forwarded(headers: Headers) -> list[str]:
    """Return the addresses in the forwarding headers, the nearest last."""
    chain = _joined(headers, b"x-forwarded-for")
    if chain.strip(" ,"):
        return [entry for entry in chain.split(",") if entry.strip()]
    elements = _ELEMENTS.findall(_joined(headers, b"forwarded"))
    # An element without `for` hides its sender. It must stay in the chain, or the address before it
    # would look like the nearest.
    return [
        match[1] if (match := _FOR.search(element)) else "unknown"
        for element in elements
        if element.strip()
    ]


def _joined(headers: Headers, name: bytes) -> str:
    return b",".join([value for key, value in headers if key == name]).decode("latin-1")


@lru_cache(maxsize=4096)
def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
