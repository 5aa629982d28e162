"""SSRF rules: the URLs and addresses that webhooks may be sent to."""

import ipaddress
import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import quote

from yarl import URL

from app.settings import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Ports of services that could act on a POST. Browsers block these ports too.
# fmt: off
_FOREIGN_PORTS = frozenset({
    0, 1, 7, 9, 13, 19, 20, 21, 22, 23, 25, 37, 43, 53, 69, 79, 110, 111, 119, 123, 135,
    137, 138, 139, 143, 161, 179, 389, 427, 445, 465, 512, 513, 514, 515, 540, 548, 554,
    587, 601, 631, 636, 873, 989, 990, 993, 995, 2049, 6379, 11211,
})
# fmt: on
_MAX_URL = 2_000

# From IANA's registries of special-purpose addresses and of IPv4 and IPv6 address space, and from
# the clouds' documents about services inside their machines. The first network that contains an
# address gives the reason.
_IPV4_REASONS = [
    (ipaddress.IPv4Network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.100.100.200/32", "a cloud's own service"),  # Alibaba Cloud, metadata
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "a cloud's own service"),  # Azure, platform services
        ("169.254.0.0/16", "link-local"),  # most clouds' metadata
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),  # 192.0.0.192 is Oracle Cloud's metadata
        ("192.0.2.0/24", "reserved for documentation"),
        ("192.31.196.0/24", "reserved"),  # AS112: answers the reverse look-ups of private networks
        ("192.52.193.0/24", "reserved"),  # tunnels for multicast (AMT)
        ("192.88.99.0/24", "reserved"),  # relays of 6to4
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "reserved"),  # AS112
        ("198.18.0.0/15", "reserved for benchmarks"),
        ("198.51.100.0/24", "reserved for documentation"),
        ("203.0.113.0/24", "reserved for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
]
_IPV6_REASONS = [
    (ipaddress.IPv6Network(network), reason)
    for network, reason in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("fd00:ec2::/32", "a cloud's own service"),  # AWS: metadata, name server, clock
        ("fd20:ce::254/128", "a cloud's own service"),  # Google Cloud, metadata
        ("fd00:42::42/128", "a cloud's own service"),  # Scaleway, metadata
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
        ("2001:db8::/32", "reserved for documentation"),
        ("2001:2::/48", "reserved for benchmarks"),
        ("2001::/32", "a Teredo tunnel"),
        ("2001::/23", "reserved"),  # the IETF's protocols: ORCHID, DRIP, AMT, AS112 and others
        ("2620:4f:8000::/48", "reserved"),  # AS112
        ("3fff::/20", "reserved for documentation"),
    )
]
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""The 32 bits before the IPv4 address in an ISATAP interface identifier (RFC 5214)."""

_WRITTEN = re.compile(r"[^:/?#]+://[^/?#]*([^#]*)", re.DOTALL)
_NOT_IN_A_REQUEST_LINE = re.compile(r"[^\x21-\x7e]+")
_INVISIBLE = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})


class DestinationRefused(Exception):
    """A destination is not allowed. The text gives the reason to the administrator."""


def check_url(url: str, allow_http: bool, networks: Sequence[Network] | None = None) -> None:
    """Raise DestinationRefused unless the text of `url` allows webhooks to be sent to it.

    With `networks` (RELAY_SUBSCRIBER_NETWORKS) an address in the URL is checked too. Otherwise it
    is checked at sending, like the addresses of a name.
    """
    host = parse_url(url, allow_http).raw_host or ""
    if any(unicodedata.category(character) in _INVISIBLE for character in url):
        raise DestinationRefused(
            "the URL contains a blank or an invisible character; if it belongs there, "
            "write it as %…"
        )
    literal = literal_address(host)
    if literal is not None and networks is not None:
        check_address(literal, networks)


def parse_url(url: str, allow_http: bool) -> URL:
    """Return the URL exactly as the HTTP client calls it; raise DestinationRefused.

    So the checked URL is the called URL. See `exact_url` for its spelling.
    """
    if len(url) > _MAX_URL:
        raise DestinationRefused(f"the URL is longer than {_MAX_URL} characters")
    if re.search(r"[\x00-\x20\x7f\\]", url):
        raise DestinationRefused("the URL contains a space, a backslash or a control character")
    try:
        parsed = URL(url)
        url.encode()
        port = parsed.port
    except ValueError:
        raise DestinationRefused("this is not a URL") from None
    if parsed.scheme not in ("https", "http"):
        raise DestinationRefused(
            "only https:// URLs can be called"
            if not allow_http
            else "only https:// and http:// URLs can be called"
        )
    if parsed.scheme == "http" and not allow_http:
        raise DestinationRefused(
            "http:// is refused unless RELAY_ALLOW_HTTP_SUBSCRIBERS is set; use https://"
        )
    if re.search(r"//[^/?#]*@", url):
        raise DestinationRefused("a user or password in the URL is refused: it would stand in logs")
    if "#" in url:
        raise DestinationRefused("a fragment (#…) is never sent")
    if port is None or port in _FOREIGN_PORTS:
        raise DestinationRefused(f"port {port} belongs to another service")
    _check_host(parsed.raw_host, in_brackets=re.match(r"[^/]*//[^/?#]*\[", url) is not None)
    return exact_url(url)


def exact_url(url: str) -> URL:
    """Return `url` with the bytes of its path and query unchanged.

    A URL may carry a signature over its own spelling. So `%2F`, `%7E`, `/../` or a final `?` must
    stay, but `URL(url)` would normalise them. Only characters that no request line can carry
    (blanks and non-ASCII letters) become percent-encoded UTF-8. The scheme and the host are in
    lower case, and a non-ASCII name is in IDNA. Raises ValueError unless `url` is an absolute URL.
    """
    written = _WRITTEN.match(url)
    if written is None:
        raise ValueError("not an absolute URL")
    host = URL(url)
    target = _NOT_IN_A_REQUEST_LINE.sub(lambda found: quote(found[0]), written[1])
    # The query stays in the path: as a separate part, a `?` with an empty query would be lost.
    path = target if target.startswith("/") else f"/{target}"
    return URL.build(scheme=host.scheme, authority=host.raw_authority, path=path, encoded=True)


def _check_host(host: str | None, *, in_brackets: bool) -> None:
    if not host or not host.strip("."):
        raise DestinationRefused("the URL names no host")
    if "%" in host:
        raise DestinationRefused("an IPv6 zone belongs to one machine only")
    if in_brackets:
        if not isinstance(literal_address(host), ipaddress.IPv6Address):
            raise DestinationRefused("the host in brackets is not an IPv6 address")
        return
    # Some resolvers read a name whose last label is a number as an IPv4 address: 2130706433,
    # 0177.0.0.1, 0x7f.1, 127.1
    last = host.rstrip(".").rpartition(".")[2]
    if re.fullmatch(r"[0-9]+|0[xX][0-9a-fA-F]*", last) and literal_address(host) is None:
        raise DestinationRefused("an IPv4 address must be written as four decimal numbers")


def literal_address(host: str) -> Address | None:
    """Return `host` as an address, or None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def check_address(address: Address, networks: Sequence[Network]) -> None:
    """Raise DestinationRefused unless `address` is public or in one of `networks`."""
    for hop in _hops(address):
        if any(hop in network for network in networks):
            continue
        reason = _reason_against(hop)
        if reason is not None:
            raise DestinationRefused(
                f"the address is {reason}; RELAY_SUBSCRIBER_NETWORKS can allow it"
            )


def _hops(address: Address) -> list[Address]:
    """Return the addresses that a connection to `address` may end at.

    For a mapped, translated or tunnelled address these are the IPv4 addresses inside it, otherwise
    `address` itself. A Teredo or ISATAP address is returned too: the first is never public, the
    second has its own network.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    embedded = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _NAT64:
        return [embedded]
    if address.sixtofour is not None:
        return [address.sixtofour]
    if address.teredo is not None:
        return [*address.teredo, address]
    if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
        return [embedded, address]
    return [address]


def _reason_against(address: Address) -> str | None:
    if isinstance(address, ipaddress.IPv4Address):
        return next((reason for network, reason in _IPV4_REASONS if address in network), None)
    reason = next((reason for network, reason in _IPV6_REASONS if address in network), None)
    return reason or (None if address in _GLOBAL_UNICAST else "reserved")
