"""Who is calling: the peer's address, or behind a trusted proxy the address that the proxy vouches for."""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address | None:
    """An address from text, or None. IPv4-mapped IPv6 becomes IPv4; brackets, a port and a zone are dropped."""
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
    """The door: which address a call comes from, and whether it may enter."""

    def __init__(self, allowed: Sequence[Network], trusted_proxies: Sequence[Network]) -> None:
        self._allowed = tuple(allowed)
        self._trusted = tuple(trusted_proxies)

    def source_of(self, peer: str, forwarded_for: Iterable[bytes]) -> Address | None:
        """The caller's address: the peer, or, if the peer is a trusted proxy, the right-most X-Forwarded-For entry that is not one.

        What stands further left was written by somebody we do not trust. None: the address cannot be told.
        """
        address = parse_address(peer)
        if address is None or not _within(address, self._trusted):
            return address
        for entry in reversed(b",".join(forwarded_for).split(b",")):
            if not entry.strip():
                continue
            address = parse_address(entry.decode("latin-1"))
            if address is None or not _within(address, self._trusted):
                return address
        return address

    def allows(self, address: Address | None) -> bool:
        """Whether a call from this address may enter."""
        return address is not None and _within(address, self._allowed)


@lru_cache(maxsize=4096)
def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
