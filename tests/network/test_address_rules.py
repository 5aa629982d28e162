"""SSRF rules: URLs and addresses of webhooks, also in unusual spellings."""

import socket
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest

from app.network.address_rules import Address, DestinationRefused, check_address, check_url
from app.network.resolver import VettingResolver, system_lookup

VALID = [
    "https://shop.example/hooks",
    "https://shop.example:8443/hooks?shop=1",
    "https://xn--wgv71a.example/",
    "https://日本.example/hooks",
    "https://93.184.216.34/hooks",
    "https://[2606:2800:220:1:248:1893:25c8:1946]/hooks",
    "https://shop.example./hooks",
    "https://1shop.example/hooks",
]
INVALID = [
    ("", "only https"),
    ("shop.example/hooks", "only https"),
    ("//shop.example/hooks", "only https"),
    ("ftp://shop.example/hooks", "only https"),
    ("file:///etc/passwd", "only https"),
    ("gopher://shop.example/", "only https"),
    ("javascript:alert(1)", "only https"),
    ("http://shop.example/hooks", "RELAY_ALLOW_HTTP_SUBSCRIBERS"),
    ("https://user@shop.example/", "user or password"),
    ("https://user:password@shop.example/", "user or password"),
    ("https://@shop.example/", "user or password"),
    ("https://shop.example@10.0.0.1/", "user or password"),
    ("https://shop.example/#part", "fragment"),
    ("https://shop.example/#", "fragment"),
    ("https://shop.example:0/", "port"),
    ("https://shop.example:25/", "port"),
    ("https://shop.example:6379/", "port"),
    ("https://shop.example:65536/", "not a URL"),
    ("https://shop.example:http/", "not a URL"),
    ("https://", "no host"),
    ("https:///hooks", "no host"),
    ("https://./", "no host"),
    ("https://shop.example/a b", "space"),
    ("https://shop.example\\@10.0.0.1/", "backslash"),
    ("https://shop.example/\r\nHost: other", "control"),
    ("https://shop.example/\x00", "control"),
    ("https://shop.example/" + "x" * 2_000, "longer"),
    # Spellings that some resolver reads as 127.0.0.1
    ("https://2130706433/", "four decimal numbers"),
    ("https://017700000001/", "four decimal numbers"),
    ("https://0177.0.0.1/", "four decimal numbers"),
    ("https://0x7f.0.0.1/", "four decimal numbers"),
    ("https://0x7f000001/", "four decimal numbers"),
    ("https://127.1/", "four decimal numbers"),
    ("https://127.0.1/", "four decimal numbers"),
    ("https://127.0.0.0x1/", "four decimal numbers"),
    ("https://127.0.0.1./", "four decimal numbers"),
    ("https://127.0.0.1.1/", "four decimal numbers"),
    ("https://999.0.0.1/", "four decimal numbers"),
    ("https://[fe80::1%25eth0]/", "zone"),
    ("https://[fe80::1%eth0]/", "zone"),
    ("https://[::1/", "not a URL"),
    ("https://[2001:0:8.8.8.8::]/", "not an IPv6 address"),
    ("https://[::8.8.8.8.8]/", "not an IPv6 address"),
    ("https://[1::2::3]/", "not an IPv6 address"),
    ("https://[v1.x]/", "not an IPv6 address"),
    ("https://[v1.fe80::1]:8443/hooks", "not an IPv6 address"),
]


@pytest.mark.parametrize("url", VALID)
def test_a_valid_url_is_accepted(url: str) -> None:
    check_url(url, allow_http=False)
    check_url(url, allow_http=False, networks=[])
    check_url(url.replace("https", "http", 1), allow_http=True, networks=[])


@pytest.mark.parametrize(("url", "reason"), INVALID)
def test_an_invalid_url_is_rejected_with_its_reason(url: str, reason: str) -> None:
    with pytest.raises(DestinationRefused, match=reason):
        check_url(url, allow_http=False)


FORBIDDEN = [
    ("0.0.0.0", "unspecified"),
    ("0.1.2.3", "unspecified"),
    ("10.1.2.3", "private"),
    ("100.64.0.1", "carrier-grade NAT"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback"),
    ("169.254.169.254", "link-local"),
    ("172.16.0.1", "private"),
    ("172.31.255.255", "private"),
    ("192.0.0.1", "reserved"),
    ("192.0.2.1", "documentation"),
    ("192.88.99.1", "reserved"),
    ("192.168.1.1", "private"),
    ("198.18.0.1", "benchmarks"),
    ("198.51.100.1", "documentation"),
    ("203.0.113.1", "documentation"),
    ("224.0.0.1", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("::7f00:1", "reserved"),  # the old form of an IPv4 address in an IPv6 one
    ("fc00::1", "private"),
    ("fd12:3456:789a::1", "private"),
    ("fe80::1", "link-local"),
    ("fec0::1", "site-local"),
    ("ff02::1", "multicast"),
    ("2001:db8::1", "documentation"),
    ("2001:10::1", "reserved"),
    ("3fff::1", "documentation"),
    ("4000::1", "reserved"),
    # With an IPv4 address inside: mapped, NAT64, 6to4, Teredo (server, then client with its bits
    # inverted)
    ("::ffff:127.0.0.1", "loopback"),
    ("::ffff:10.0.0.1", "private"),
    ("64:ff9b::7f00:1", "loopback"),
    ("64:ff9b::a9fe:a9fe", "link-local"),
    ("64:ff9b:1::808:808", "reserved"),
    ("2002:7f00:1::", "loopback"),
    ("2002:c0a8:101::1", "private"),
    ("2001:0:a00:1::f7f7:f7f7", "private"),
    ("2001:0:808:808::80ff:fffe", "loopback"),
    # Tunnels with public ends: it is unknown where inside them a connection ends
    ("2001:0:808:808::f7f7:f7f7", "Teredo"),
    ("2001:0:808:808::", "reserved"),  # the client is 255.255.255.255
    # ISATAP in a public network: an IPv4 address behind 0:5efe or 200:5efe
    ("2606:4700::5efe:a00:1", "private"),
    ("2606:4700::200:5efe:7f00:1", "loopback"),
    ("2606:4700::5efe:a9fe:a9fe", "link-local"),
    ("fe80::5efe:808:808", "link-local"),
    # The rules for IPv4 apply inside a mapped or translated address
    ("::ffff:168.63.129.16", "cloud"),
    ("64:ff9b::a83f:8110", "cloud"),
    ("64:ff9b::6464:64c8", "cloud"),
    ("2002:a83f:8110::1", "cloud"),
    ("64:ff9b::c0a8:101", "private"),
    ("64:ff9b:1:a00:1::", "reserved"),
    ("::ffff:0:a00:1", "reserved"),  # SIIT
    ("::a9fe:a9fe", "reserved"),  # the old form of 169.254.169.254
    # Services of clouds inside their machines
    ("168.63.129.16", "cloud"),
    ("100.100.100.200", "cloud"),
    ("169.254.170.2", "link-local"),
    ("169.254.170.23", "link-local"),
    ("192.0.0.192", "reserved"),
    ("fd00:ec2::254", "cloud"),
    ("fd00:ec2::23", "cloud"),
    ("fd20:ce::254", "cloud"),
    ("fd00:42::42", "cloud"),
    ("fe80::a9fe:a9fe", "link-local"),
    # The rest of IANA's registries
    ("192.0.0.9", "reserved"),
    ("192.31.196.1", "reserved"),
    ("192.52.193.1", "reserved"),
    ("192.175.48.1", "reserved"),
    ("198.19.255.255", "benchmarks"),
    ("239.255.255.250", "multicast"),
    ("100::1", "reserved"),
    ("100:0:0:1::1", "reserved"),
    ("2001:1::1", "reserved"),
    ("2001:2::1", "benchmarks"),
    ("2001:3::1", "reserved"),
    ("2001:4:112::1", "reserved"),
    ("2001:20::1", "reserved"),
    ("2001:30::1", "reserved"),
    ("2001:1ff:ffff::1", "reserved"),
    ("2620:4f:8000::1", "reserved"),
    ("5f00::1", "reserved"),
    ("400::1", "reserved"),
    ("1fff::1", "reserved"),
]


@pytest.mark.parametrize(("address", "reason"), FORBIDDEN)
def test_a_non_public_address_is_rejected(address: str, reason: str) -> None:
    with pytest.raises(DestinationRefused, match=reason):
        check_address(ip_address(address), [])
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(DestinationRefused, match=reason):
        check_url(f"https://{host}/hooks", allow_http=False, networks=[])
    check_url(f"https://{host}/hooks", allow_http=False)  # checked at sending


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "1.1.1.1", "100.128.0.1", "172.32.0.1", "168.63.129.15", "168.63.129.17"),
        *("192.0.1.1", "192.31.195.1", "198.20.0.1"),
        *(
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "2001:200::1",
            "2606:4700::5efe:808:808",
        ),
    ],
)
def test_a_public_address_is_accepted(address: str) -> None:
    check_address(ip_address(address), [])


@pytest.mark.parametrize(
    ("address", "network", "allowed"),
    [
        ("10.1.2.3", "10.1.0.0/16", True),
        ("10.2.2.3", "10.1.0.0/16", False),
        ("::ffff:10.1.2.3", "10.1.0.0/16", True),
        ("fd00::1", "fd00::/8", True),
        ("fd00::1", "10.0.0.0/8", False),
        ("2001:0:a00:1::f7f7:f7f7", "8.8.8.0/24", False),
        ("2001:0:808:808::f7f7:f7f7", "2001::/32", True),
        ("2001:0:a00:1::f7f7:f7f7", "2001::/32", False),
        ("168.63.129.16", "168.63.129.16/32", True),
        ("64:ff9b::a83f:8110", "168.63.129.16/32", True),
        ("fd00:ec2::254", "fd00::/8", True),
        ("2606:4700::5efe:a00:1", "10.0.0.0/8", True),
        ("2606:4700::5efe:a00:1", "2606:4700::/32", False),
        ("64:ff9b::a00:1", "64:ff9b::/96", False),
    ],
)
def test_networks_can_be_allowed(address: str, network: str, allowed: bool) -> None:
    if allowed:
        check_address(ip_address(address), [ip_network(network)])
        return
    with pytest.raises(DestinationRefused):
        check_address(ip_address(address), [ip_network(network)])


def test_full_width_digits_are_read_as_an_address() -> None:
    with pytest.raises(DestinationRefused, match="loopback"):
        check_url("https://１２７.０.０.１/", allow_http=False, networks=[])


async def _resolve(addresses: Sequence[str], *networks: str) -> list[str]:
    def lookup(_host: str) -> list[Address]:
        return [ip_address(address) for address in addresses]

    resolver = VettingResolver([ip_network(network) for network in networks], lookup)
    try:
        return [str(found) for found in await resolver.addresses("shop.example")]
    finally:
        resolver.close()


async def test_a_name_resolves_to_its_checked_addresses() -> None:
    assert await _resolve(["8.8.8.8", "2606:4700::1111"]) == ["8.8.8.8", "2606:4700::1111"]


@pytest.mark.parametrize(
    "addresses",
    [["10.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["8.8.8.8", "::1"], ["::ffff:169.254.169.254"]],
)
async def test_one_forbidden_address_rejects_the_name(addresses: list[str]) -> None:
    with pytest.raises(DestinationRefused):
        await _resolve(addresses)


async def test_a_name_in_an_allowed_network_is_accepted() -> None:
    assert await _resolve(["10.0.0.1", "8.8.8.8"], "10.0.0.0/8") == ["10.0.0.1", "8.8.8.8"]


def test_the_system_resolves_localhost_to_loopback() -> None:
    found = system_lookup("localhost")
    assert found
    assert all(address.is_loopback for address in found)


def test_an_unknown_name_raises_the_systems_error() -> None:
    with pytest.raises(socket.gaierror):
        system_lookup("no-such-name.invalid")
