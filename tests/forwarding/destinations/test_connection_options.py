"""Connection options of one subscriber: headers, CA, client certificate; and a forward proxy."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from socket import EAI_NONAME, gaierror

import pytest
from standardwebhooks import Webhook

from app.forwarding.destinations.connection_options import (
    MOST_HEADERS,
    ConnectionOptions,
    HeaderRefused,
    check_headers,
    connection_options_of,
)
from app.forwarding.destinations.http.sender import TimeLimits
from app.forwarding.destinations.http.tls import TlsContexts, make_context
from app.forwarding.options import ForwardingOptions
from app.forwarding.outcome import DeliveryOutcome, OutcomeKind
from app.network.address_rules import Address
from app.settings import Settings, WrongSettings
from bench.ports import free_port
from tests.forwarding import hostile_server as hostile
from tests.forwarding.certificates import Authority
from tests.forwarding.delivery_setup import DeliverySetup, until
from tests.forwarding.destinations.http.test_sender import SECRET, sender, webhook

K = OutcomeKind
PATIENT = TimeLimits(connect_s=5, total_s=5)


def at_home(_host: str) -> Sequence[Address]:
    return [ip_address("127.0.0.1")]


async def send(
    url: str, connection_options: ConnectionOptions, **options: object
) -> DeliveryOutcome:
    async with sender(**{"limits": PATIENT, "lookup": at_home, **options}) as made:
        return await made.send(webhook(url), [SECRET], connection_options)


@dataclass
class Noting:
    """Server that answers 200 and keeps the requests."""

    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        [length] = [
            line.partition(b":")[2]
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        self.heads.append(head.decode())
        self.bodies.append(await reader.readexactly(int(length)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
        await writer.drain()

    def headers(self) -> dict[str, str]:
        """Headers of the last request."""
        return {
            name.lower(): value
            for name, _, value in (
                line.partition(": ") for line in self.heads[-1].strip().split("\r\n")[1:]
            )
        }


async def test_headers_of_a_subscriber_are_sent_beside_ours() -> None:
    shop = Noting()
    async with hostile.serving(shop) as port:
        outcome = await send(
            f"http://127.0.0.1:{port}/",
            ConnectionOptions((("Authorization", "Bearer abc"), ("X-Shop", "1 2"))),
        )
    assert outcome.kind is K.DELIVERED
    headers = shop.headers()
    assert ("Bearer abc", "1 2", "application/json") == (
        headers["authorization"],
        headers["x-shop"],
        headers["content-type"],
    )
    assert Webhook(SECRET).verify(shop.bodies[0], headers)


async def test_a_subscribers_own_accept_replaces_ours() -> None:
    shop = Noting()
    async with hostile.serving(shop) as port:
        await send(f"http://127.0.0.1:{port}/", ConnectionOptions())
        await send(f"http://127.0.0.1:{port}/", ConnectionOptions((("ACCEPT", "text/plain"),)))
    accepted = [
        [line for line in head.split("\r\n") if line.lower().startswith("accept:")]
        for head in shop.heads
    ]
    assert accepted == [["Accept: */*"], ["ACCEPT: text/plain"]]


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Basic eDp5"},
        {"X-Api-Key": "k"},
        {"Cookie": "a=b"},
        {f"x-{n}": "v" for n in range(MOST_HEADERS)},
    ],
)
def test_common_headers_are_accepted(headers: dict[str, str]) -> None:
    check_headers(headers)


@pytest.mark.parametrize(
    "headers",
    [
        *(
            {name: "v"}
            for name in (
                "webhook-id",
                "Webhook-Signature",
                "webhook-x",
                "Host",
                "content-length",
                "Connection",
                "transfer-encoding",
            )
        ),
        *(
            {name: "v"}
            for name in (
                "content-type",
                "User-Agent",
                "Accept-Encoding",
                "Proxy-Authorization",
                "TE",
                "expect",
                "upgrade",
                "x-forwarded-for",
            )
        ),
        *({name: "v"} for name in ("", "a b", "a:b", "a\r\nb", "ä", "x" * 101)),
        *(
            {"x-shop": value}
            for value in ("", " a", "a ", "a\r\nx: y", "a\nb", "a\0", "あ", "x" * 4_097)
        ),
        {"X-Shop": "1", "x-shop": "2"},
        {f"x-{n}": "v" for n in range(MOST_HEADERS + 1)},
    ],
)
def test_reserved_or_broken_headers_are_rejected_without_their_value(
    headers: dict[str, str],
) -> None:
    with pytest.raises(HeaderRefused) as rejected:
        check_headers({name: value.replace("v", "hidden-value") for name, value in headers.items()})
    assert "hidden-value" not in str(rejected.value)


def test_options_are_read_as_written_and_never_shown() -> None:
    connection_options = ConnectionOptions(
        (("authorization", "Bearer abc"),), "CA", "CERTIFICATE AND KEY"
    )
    assert connection_options == connection_options_of(connection_options.to_text())
    assert "ConnectionOptions()" == repr(connection_options)


async def test_a_subscribers_own_ca_is_trusted_alone(tmp_path: Path) -> None:
    private, public = Authority("private"), Authority("public")
    everybody = TlsContexts(private_file := tmp_path / "ca.pem")
    private_file.write_text(public.pem)
    for authority, connection_options, kind in (
        (private, ConnectionOptions(), K.TLS),
        (private, ConnectionOptions(ca=private.pem), K.DELIVERED),
        (public, ConnectionOptions(ca=private.pem), K.TLS),
        (public, ConnectionOptions(), K.DELIVERED),  # by the CA file for all
    ):
        async with hostile.serving(
            hostile.answering(b"200 OK"), authority.server(tmp_path, "shop.example")
        ) as port:
            outcome = await send(
                f"https://shop.example:{port}/", connection_options, tls_contexts=everybody
            )
        assert outcome.kind is kind, (authority.name, outcome)


async def test_a_client_certificate_is_sent_to_a_server_that_asks_for_it(tmp_path: Path) -> None:
    authority, stranger = Authority("shop"), Authority("stranger")
    server = authority.server(tmp_path, "shop.example")
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(cadata=authority.pem)
    async with hostile.serving(hostile.answering(b"200 OK"), server) as port:
        url = f"https://shop.example:{port}/"
        ours = ConnectionOptions(ca=authority.pem, client_certificate=authority.issue("zeus-relay"))
        assert K.DELIVERED is (await send(url, ours)).kind
        for certificate in (None, stranger.issue("zeus-relay")):
            outcome = await send(
                url, ConnectionOptions(ca=authority.pem, client_certificate=certificate)
            )
            assert outcome.kind in (K.TLS, K.RESET), (
                outcome
            )  # in TLS 1.3 the rejection comes after the handshake


async def test_connections_are_not_shared_between_certificates(tmp_path: Path) -> None:
    authority = Authority("shop")
    server = authority.server(tmp_path, "shop.example")
    server.verify_mode = ssl.CERT_OPTIONAL
    server.load_verify_locations(cadata=authority.pem)
    seen: list[str | None] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        certificate = writer.get_extra_info("peercert")
        while True:
            await hostile.read_request(reader)
            seen.append(
                dict(pair for part in certificate["subject"] for pair in part)["commonName"]
                if certificate
                else None
            )
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with (
        hostile.serving(note, server) as port,
        sender(limits=PATIENT, lookup=at_home) as made,
    ):
        certificates = {name: authority.issue(name) for name in ("one", "two")}
        for name in ("one", "two", None, "one"):
            connection_options = ConnectionOptions(
                ca=authority.pem, client_certificate=certificates[name] if name else None
            )
            assert (
                K.DELIVERED
                is (
                    await made.send(
                        webhook(f"https://shop.example:{port}/"), [SECRET], connection_options
                    )
                ).kind
            )
    assert ["one", "two", None, "one"] == seen


def test_an_unusable_certificate_is_an_error_and_prompts_for_no_password() -> None:
    authority = Authority("shop")
    for certificate in (
        "",
        "no certificate",
        authority.issue("a").partition("-----BEGIN EC")[0].split("-----BEGIN PRIVATE")[0],
        authority.issue("a", password=b"x"),
    ):
        with pytest.raises(ssl.SSLError):
            make_context(None, certificate)


def test_a_ca_file_without_certificates_is_named(tmp_path: Path) -> None:
    for file in (tmp_path / "missing.pem", tmp_path / "empty.pem"):
        (tmp_path / "empty.pem").touch()
        with pytest.raises(WrongSettings, match="RELAY_SUBSCRIBER_CA_FILE"):
            ForwardingOptions.of(Settings(subscriber_ca_file=file))


async def test_a_subscribers_connection_options_are_opened_for_its_webhooks_only(
    setup: DeliverySetup,
) -> None:
    special, common = Noting(), Noting()
    sealed = setup.vault.seal(ConnectionOptions((("x-shop", "special"),)).to_text())
    async with hostile.serving(special) as one, hostile.serving(common) as two:
        await setup.subscriber(f"http://127.0.0.1:{one}/", sealed_transport=sealed)
        await setup.subscriber(f"http://127.0.0.1:{two}/")
        async with setup.forwarder():
            await setup.event()
            await until(lambda: _all_delivered(setup, 2))
    assert ("special", None) == (special.headers().get("x-shop"), common.headers().get("x-shop"))


async def _all_delivered(setup: DeliverySetup, count: int) -> bool:
    return ["delivered"] * count == await setup.states()


@dataclass
class Proxy:
    """Run a forward proxy that connects each request to a local port, or gives a fixed answer."""

    target_port: int = 0
    answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"
    asked: list[str] = field(default_factory=list)
    port: int = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.decode())
        if head.startswith(b"CONNECT"):
            writer.write(self.answer)
            head = b""
        if b" 200 " not in self.answer:
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        there_writer.write(head)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, there_writer))
                both.create_task(_pump(there_reader, writer))
        finally:
            there_writer.close()
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()


@asynccontextmanager
async def proxying(proxy: Proxy) -> AsyncIterator[Proxy]:
    async with hostile.serving(proxy.handle) as proxy.port:
        yield proxy


PUBLIC = ip_address("203.0.113.7")
OUTSIDE = [ip_network("203.0.113.0/24")]
"""Use a forbidden range as if it were public."""


def public(host: str) -> Sequence[Address]:
    return at_home(host) if host == "proxy.example" else [PUBLIC]


async def test_a_proxy_gets_the_checked_address_and_the_name_is_verified(
    tmp_path: Path,
) -> None:
    authority, shop = Authority("shop"), Noting()
    async with (
        hostile.serving(shop, authority.server(tmp_path, "shop.example")) as port,
        proxying(Proxy(port)) as proxy,
    ):
        through = {
            "proxy": f"http://user:word@proxy.example:{proxy.port}",
            "lookup": public,
            "networks": OUTSIDE,
        }
        outcome = await send(
            "https://shop.example/hooks",
            ConnectionOptions((("x-shop", "1"),), ca=authority.pem),
            **through,
        )
        other = await send(
            "https://evil.example/hooks", ConnectionOptions(ca=authority.pem), **through
        )
    assert (K.DELIVERED, K.TLS) == (outcome.kind, other.kind), (outcome, other)
    assert [f"CONNECT {PUBLIC}:443 HTTP/1.1"] * 2 == [head.split("\r\n")[0] for head in proxy.asked]
    assert "Proxy-Authorization: Basic dXNlcjp3b3Jk" in proxy.asked[0]
    assert "x-shop" not in proxy.asked[0].lower()
    headers = shop.headers()
    assert ("shop.example", "1") == (headers["host"], headers["x-shop"])
    assert "proxy-authorization" not in headers
    assert Webhook(SECRET).verify(shop.bodies[0], headers)


async def test_the_proxy_gets_no_request_for_a_forbidden_address() -> None:
    async with proxying(Proxy()) as proxy:
        for url in ("https://127.0.0.1/", "https://10.0.0.1/", "https://inside.example/"):
            outcome = await send(
                url,
                ConnectionOptions(),
                proxy=f"http://proxy.example:{proxy.port}",
                networks=OUTSIDE,
                lookup=lambda _host: [ip_address("127.0.0.1")],
            )
            assert K.DESTINATION_REFUSED is outcome.kind
    assert [] == proxy.asked


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"401 Unauthorized", K.OWN_SIDE),
        (b"403 Forbidden", K.OWN_SIDE),
        (b"407 Password", K.OWN_SIDE),
        (b"502 Bad Gateway", K.UNREACHABLE),
        (b"504 Too Late", K.UNREACHABLE),
    ],
)
async def test_the_proxys_answer_is_distinguished_from_the_subscribers(
    answer: bytes, kind: OutcomeKind
) -> None:
    async with proxying(
        Proxy(answer=b"HTTP/1.1 " + answer + b"\r\nContent-Length: 0\r\n\r\n")
    ) as proxy:
        outcome = await send(
            "https://shop.example/",
            ConnectionOptions(),
            proxy=f"http://proxy.example:{proxy.port}",
            lookup=public,
            networks=OUTSIDE,
        )
    assert (kind, None, f"the proxy answered {int(answer[:3])}") == (
        outcome.kind,
        outcome.http_status,
        outcome.excerpt,
    )


async def test_an_unreachable_proxy_is_our_failure() -> None:
    def nameless(host: str) -> Sequence[Address]:
        if host == "proxy.example":
            raise gaierror(EAI_NONAME, "Name or service not known")
        return [PUBLIC]

    away = f"http://proxy.example:{free_port()}"
    assert (
        K.OWN_SIDE
        is (
            await send(
                "https://shop.example/",
                ConnectionOptions(),
                proxy=away,
                lookup=public,
                networks=OUTSIDE,
            )
        ).kind
    )
    assert (
        K.OWN_SIDE
        is (
            await send(
                "https://shop.example/",
                ConnectionOptions(),
                proxy=away,
                lookup=nameless,
                networks=OUTSIDE,
            )
        ).kind
    )


async def test_an_unknown_name_is_the_subscribers_failure_through_a_proxy_too() -> None:
    def lookup(host: str) -> Sequence[Address]:
        if host == "shop.example":
            raise gaierror(EAI_NONAME, "Name or service not known")
        return at_home(host)

    assert (
        K.DNS
        is (
            await send(
                "https://shop.example/",
                ConnectionOptions(),
                proxy="http://proxy.example:1",
                lookup=lookup,
            )
        ).kind
    )


@pytest.mark.parametrize(
    "proxy",
    [
        "https://proxy.example",
        "proxy.example:3128",
        "http://",
        "http://proxy.example/path",
        "socks5://proxy.example",
    ],
)
def test_another_kind_of_proxy_is_rejected(proxy: str) -> None:
    with pytest.raises(ValueError, match="http://"):
        Settings(subscriber_proxy=proxy)
