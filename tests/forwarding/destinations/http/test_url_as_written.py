"""URL of a subscriber, kept, shown and called byte for byte: it may carry its own signature."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from app.forwarding.destinations.connection_options import ConnectionOptions
from app.forwarding.destinations.http.sender import TimeLimits
from app.forwarding.outcome import OutcomeKind
from app.network.address_rules import Address, DestinationRefused, check_url, exact_url, parse_url
from tests.forwarding import hostile_server as hostile
from tests.forwarding.certificates import Authority
from tests.forwarding.destinations.http.test_sender import SECRET, sender, webhook
from tests.forwarding.destinations.test_connection_options import OUTSIDE, Proxy, proxying, public

AS_WRITTEN = [
    "/hook?sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=a%2Bb%2Fc%3D",
    "/a%3Ab",
    "/p%28x%29?f=%28y%29",
    "/u%7Ename/%2e%2e/x",
    "/t/%40shop?u=a%40b",
    "/x?y=%e3%81%82",
    "/one%2Ftwo",
    "/a/../b/./c",
    "/..",
    "/a??b=%3F",
    "/a?",
    "/?",
    "/a?x=1+2%202",
    "/a?x='%27",
    "/a?x=1%2C2;3%3B4",
    "/a?x=1|2",
    '/a?x={1}^[2]"<3>`',
    "//a//b",
    "/a%",
    "/a%zz?%",
    "/a%00b%0D%0Ac",
    "/%E9",
    "/a;b=c/d,e=f/!$&'()*+,;=:@-._~",
    "/A%2fB/c",
    "/a?next=https://other.example/?x",
]
ESCAPED = [
    ("", "/"),
    ("?x=%2F", "/?x=%2F"),
    ("/フック?店=東京", "/%E3%83%95%E3%83%83%E3%82%AF?%E5%BA%97=%E6%9D%B1%E4%BA%AC"),
    ("/%2F/é", "/%2F/%C3%A9"),
    ("/a?x=𠮷", "/a?x=%F0%A0%AE%B7"),
]


@pytest.mark.parametrize("target", AS_WRITTEN)
@pytest.mark.parametrize(
    "origin",
    [
        "https://shop.example",
        "https://shop.example:8443",
        "https://[2606:4700::1111]:8443",
        "https://8.8.8.8",
    ],
)
def test_path_and_query_are_as_written(origin: str, target: str) -> None:
    url = parse_url(origin + target, allow_http=False)
    assert (url.raw_path_qs, str(url)) == (target, origin + target)
    assert (
        str(url.with_host("203.0.113.7")).removeprefix("https://203.0.113.7").removeprefix(":8443")
        == target
    )
    check_url(origin + target, allow_http=False, networks=[])


@pytest.mark.parametrize(("written", "target"), ESCAPED)
def test_characters_that_no_request_line_can_carry_are_escaped_once(
    written: str, target: str
) -> None:
    check_url(f"https://shop.example{written}", allow_http=False)
    assert parse_url(f"https://shop.example{written}", allow_http=False).raw_path_qs == target


@pytest.mark.parametrize(
    ("origin", "called", "host"),
    [
        ("HTTPS://Shop.Example:443", "https://shop.example", "shop.example"),
        ("https://日本.example:8443", "https://xn--wgv71a.example:8443", "xn--wgv71a.example"),
        ("https://xn--wgv71a.example", "https://xn--wgv71a.example", "xn--wgv71a.example"),
        ("https://shop.example.", "https://shop.example.", "shop.example."),
        ("https://[2606:4700:0::1111]", "https://[2606:4700::1111]", "2606:4700::1111"),
    ],
)
def test_scheme_and_host_are_normalized_for_the_client(origin: str, called: str, host: str) -> None:
    url = parse_url(f"{origin}/Hooks%2F", allow_http=False)
    assert (str(url), url.raw_host) == (f"{called}/Hooks%2F", host)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://shop.example/a\N{IDEOGRAPHIC SPACE}b",
            "https://shop.example/\N{NO-BREAK SPACE}",
            "https://shop.example/a\u200bb",
        ),
        *(
            "https://shop.example/\ufeff",
            "\ufeffhttps://shop.example/",
            "https://shop.example/\u2028",
            "https://shop.example/\x85",
        ),
        *(
            "https://shop.example/a b",
            "https://shop.example/ ",
            " https://shop.example/",
            "https://shop.example/a\tb",
        ),
        *(
            "https://shop.example/\ud800",
            "https://shop.example/#",
            "https://shop.example/?#a",
            "https://u:p@shop.example/%2F",
        ),
    ],
)
def test_blanks_fragments_and_passwords_are_rejected_when_a_subscriber_is_added(url: str) -> None:
    with pytest.raises(DestinationRefused):
        check_url(url, allow_http=False)


@pytest.mark.parametrize(
    "url", ["", "/hooks", "shop.example/hooks", "https:shop.example", "https:/shop.example"]
)
def test_a_url_without_a_host_has_no_spelling(url: str) -> None:
    with pytest.raises(ValueError, match="absolute"):
        exact_url(url)


class Listening:
    """Run a subscriber that keeps the first line of each request."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            self.lines.append(head.split(b"\r\n")[0])
            [length] = [
                line.partition(b":")[2]
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            ]
            await reader.readexactly(int(length))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def here(_host: str) -> Sequence[Address]:
    return [ip_address("127.0.0.1")]


async def called(
    urls: Sequence[str], connection_options: ConnectionOptions, **options: Any
) -> None:
    async with sender(limits=TimeLimits(connect_s=5, total_s=5), **options) as made:
        for url in urls:
            outcome = await made.send(webhook(url), [SECRET], connection_options)
            assert outcome.kind is OutcomeKind.DELIVERED, (url, outcome)


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_the_request_line_carries_it(tls: bool, tmp_path: Path) -> None:
    authority, shop = Authority("shop"), Listening()
    context = authority.server(tmp_path, "shop.example") if tls else None
    async with hostile.serving(shop, context) as port:
        origin = f"{'https' if tls else 'http'}://shop.example:{port}"
        written = [*((target, target) for target in AS_WRITTEN), *ESCAPED]
        await called(
            [origin + given for given, _ in written],
            ConnectionOptions(ca=authority.pem if tls else None),
            lookup=here,
        )
    assert shop.lines == [f"POST {target} HTTP/1.1".encode() for _, target in written]


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_the_request_line_carries_it_through_a_proxy(tls: bool, tmp_path: Path) -> None:
    authority, shop = Authority("shop"), Listening()
    context = authority.server(tmp_path, "shop.example") if tls else None
    async with hostile.serving(shop, context) as port, proxying(Proxy(port)) as proxy:
        through = {"proxy": f"http://127.0.0.1:{proxy.port}", "lookup": public, "networks": OUTSIDE}
        urls = [f"{'https' if tls else 'http'}://shop.example{target}" for target in AS_WRITTEN]
        await called(urls, ConnectionOptions(ca=authority.pem if tls else None), **through)
    origin = "" if tls else "http://203.0.113.7"  # the proxy gets the checked address
    assert shop.lines == [f"POST {origin}{target} HTTP/1.1".encode() for target in AS_WRITTEN]
