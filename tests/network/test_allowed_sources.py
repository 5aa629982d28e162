"""Source of a call, from its peer address and forwarding headers."""

import ipaddress

import pytest

from app.network.allowed_sources import SourceCheck, Sources, parse_address

ALLOWED = (ipaddress.ip_network("192.0.2.0/28"), ipaddress.ip_network("2001:db8::/64"))
PROXIES = (ipaddress.ip_network("203.0.113.0/29"), ipaddress.ip_network("2001:db8:1::/64"))
PROXY = "203.0.113.1"


def xff(*values: str) -> list[tuple[bytes, bytes]]:
    return [(b"x-forwarded-for", value.encode()) for value in values]


def forwarded(*values: str) -> list[tuple[bytes, bytes]]:
    return [(b"forwarded", value.encode()) for value in values]


@pytest.mark.parametrize(
    ("source", "listed", "peer", "headers"),
    [
        ("192.0.2.1", True, "192.0.2.1", []),
        ("192.0.2.1", True, "::ffff:192.0.2.1", []),
        ("2001:db8::7", True, "2001:db8::7%eth0", []),
        ("192.0.2.16", False, "192.0.2.16", []),
        (None, False, "", []),
        # Without a trusted proxy the headers are ignored.
        ("198.51.100.1", False, "198.51.100.1", xff("192.0.2.1")),
        ("198.51.100.1", False, "198.51.100.1", forwarded("for=192.0.2.1")),
        # A trusted proxy appends at the right.
        ("192.0.2.1", True, PROXY, xff("192.0.2.1")),
        ("192.0.2.1", True, "::ffff:203.0.113.1", xff("::ffff:192.0.2.1")),
        ("192.0.2.1", True, PROXY, xff("198.51.100.1, 192.0.2.1")),
        ("198.51.100.1", False, PROXY, xff("192.0.2.1, 198.51.100.1")),
        ("198.51.100.1", False, PROXY, xff("192.0.2.1", "198.51.100.1")),
        ("192.0.2.1", True, PROXY, xff("198.51.100.1, 192.0.2.1, 203.0.113.2, 203.0.113.3")),
        ("192.0.2.1", True, PROXY, xff("192.0.2.1:4711")),
        ("2001:db8::7", True, "2001:db8:1::1", xff("[2001:db8::7]:4711")),
        (None, False, PROXY, xff("192.0.2.1, unknown")),
        (None, False, PROXY, xff("192.0.2.1, _hidden, 203.0.113.2")),
        (PROXY, False, PROXY, []),
        (PROXY, False, PROXY, xff("", " , ")),
        # RFC 7239.
        ("192.0.2.1", True, PROXY, forwarded("for=192.0.2.1;proto=https;by=203.0.113.1")),
        ("192.0.2.1", True, PROXY, forwarded('For="192.0.2.1:80"')),
        ("2001:db8::7", True, PROXY, forwarded('proto=http; for="[2001:db8::7]:4711"')),
        ("198.51.100.1", False, PROXY, forwarded("for=192.0.2.1, for=198.51.100.1")),
        ("192.0.2.1", True, PROXY, forwarded("for=198.51.100.1", "for=192.0.2.1, for=203.0.113.2")),
        ("198.51.100.1", False, PROXY, forwarded('for=198.51.100.1;x=", for=192.0.2.1"')),
        ("198.51.100.1", False, PROXY, forwarded('for=198.51.100.1;x="a\\", for=192.0.2.1"')),
        (None, False, PROXY, forwarded("for=192.0.2.1, by=203.0.113.1")),
        (None, False, PROXY, forwarded("for=192.0.2.1, for=_secret")),
        # X-Forwarded-For has priority: a proxy must write or remove both.
        ("198.51.100.1", False, PROXY, forwarded("for=192.0.2.1") + xff("198.51.100.1")),
        ("192.0.2.1", True, PROXY, forwarded("for=192.0.2.1") + xff("")),
    ],
)
def test_the_source_of_a_call(
    source: str | None, listed: bool, peer: str, headers: list[tuple[bytes, bytes]]
) -> None:
    caller = SourceCheck(Sources(ALLOWED, PROXIES)).look(peer, headers)
    assert (source, listed) == (
        None if caller.address is None else str(caller.address),
        caller.listed,
    )
    assert caller.admitted is listed


def test_observe_admits_every_caller_and_marks_those_not_listed() -> None:
    check = SourceCheck(Sources(ALLOWED, PROXIES, observe=True))
    for peer, headers in (("198.51.100.1", []), (PROXY, xff("unknown"))):
        caller = check.look(peer, headers)
        assert caller.admitted
        assert not caller.listed
    assert check.expects("198.51.100.1")


def test_changed_sources_apply_to_the_next_call() -> None:
    check = SourceCheck(Sources(ALLOWED))
    assert check.look("192.0.2.1", []).admitted
    check.change(Sources((ipaddress.ip_network("198.51.100.1"),)))
    assert not check.look("192.0.2.1", []).admitted
    assert check.look("198.51.100.1", []).admitted


def test_a_connection_is_expected_from_allowed_sources_and_trusted_proxies() -> None:
    check = SourceCheck(Sources(ALLOWED, PROXIES))
    assert [True, True, False, False] == [
        check.expects(peer) for peer in ("192.0.2.1", PROXY, "198.51.100.1", "")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unknown",
        "192.0.2",
        "192.0.2.1/32",
        "1" * 500,
        "[",
        "[::1",
        "::1::",
        "192.0.2.1, 192.0.2.2",
    ],
)
def test_text_without_an_address_is_none(text: str) -> None:
    assert parse_address(text) in (None, parse_address("::1"))
