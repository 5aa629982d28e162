"""HTTP sender: the bytes that arrive, and the outcome of every misbehaviour of a subscriber."""

import asyncio
import gc
import resource
import socket
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from app.clock import now, uuid7
from app.events.signature import new_secret
from app.forwarding.destinations.http.sender import EXCERPT_BYTES, Sender, TimeLimits
from app.forwarding.outcome import DeliveryOutcome, OutcomeKind
from app.forwarding.webhook import ClaimedWebhook, DeliveryTarget
from app.network.address_rules import Address
from bench.ports import free_port
from tests.forwarding import hostile_server as hostile

K = OutcomeKind
LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
SECRET = new_secret()
CUSTOMER = '{"name": "コンビニ　タロウ", "telno": "0312345678", "email": "taro@example.com"}'


def webhook(
    url: str, *, timeout_s: float | None = None, customer: str | None = None
) -> ClaimedWebhook:
    """Return a webhook for `url` that is stored nowhere."""
    return ClaimedWebhook(
        id=1,
        lease_token=uuid7(),
        attempts=0,
        excused=0,
        event_id=uuid7(),
        event_type="payment.received",
        created_at=datetime(2026, 11, 23, 3, 51, 0, 123456, UTC),
        data='{"order_no": "1234-56789-01234", "money": 5400, '
        '"store": {"name": "セブン-イレブン"}}',
        customer=customer,
        target=DeliveryTarget(uuid7(), url, timeout_s, 16, ()),
    )


@asynccontextmanager
async def sender(**options: Any) -> AsyncIterator[Sender]:
    """Open a sender that may connect to this machine, with short time limits."""
    made = Sender(
        **{
            "networks": LOOPBACK,
            "allow_http": True,
            "limits": TimeLimits(connect_s=0.4, total_s=0.4),
            **options,
        }
    )
    try:
        yield made
    finally:
        await made.close()


async def send(url: str, *, timeout_s: float | None = None, **options: Any) -> DeliveryOutcome:
    async with sender(**options) as made:
        return await made.send(webhook(url, timeout_s=timeout_s), [SECRET])


async def send_to(behaviour: hostile.Behaviour, **options: Any) -> DeliveryOutcome:
    async with hostile.serving(behaviour) as port:
        return await send(f"http://127.0.0.1:{port}/hooks", **options)


async def test_what_arrives_is_a_standard_webhook() -> None:
    arrived: list[bytes] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        arrived.extend([head, await reader.read(65_536)])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")

    async with hostile.serving(behave) as port, sender() as made:
        sent = webhook(f"http://127.0.0.1:{port}/hooks?shop=1")
        outcome = await made.send(sent, [SECRET])
    assert outcome == DeliveryOutcome(K.DELIVERED, 200, "OK")
    head, body = arrived
    request_line, *lines = head.decode().strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert request_line == "POST /hooks?shop=1 HTTP/1.1"
    assert headers["webhook-id"] == str(sent.event_id)
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("zeus-relay/")
    assert "cookie" not in headers
    assert Webhook(SECRET).verify(body, headers) == {
        "type": "payment.received",
        "timestamp": "2026-11-23T03:51:00.123456Z",
        "data": {
            "order_no": "1234-56789-01234",
            "money": 5400,
            "store": {"name": "セブン-イレブン"},
        },
    }


async def test_personal_data_is_sent_only_where_it_was_given_and_never_shown() -> None:
    bodies: list[bytes] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            bodies.append(await hostile.read_request(reader))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with hostile.serving(behave) as port, sender() as made:
        private, plain = (
            webhook(f"http://127.0.0.1:{port}/", customer=CUSTOMER),
            webhook(f"http://127.0.0.1:{port}/"),
        )
        for sent in (
            private,
            plain,
            private,
        ):  # the same content is made once, and not mixed up
            assert (await made.send(sent, [SECRET])).kind is K.DELIVERED
    assert ["コンビニ　タロウ".encode() in body for body in bodies] == [True, False, True]
    assert "taro@example.com" not in repr(private)


async def test_during_a_rotation_both_secrets_verify() -> None:
    headers: dict[str, str] = {}
    bodies: list[bytes] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers.update(
            {
                name.lower(): value
                for name, _, value in (
                    line.partition(": ") for line in head.strip().split("\r\n")[1:]
                )
            }
        )
        bodies.append(await reader.read(65_536))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    old, new = new_secret(), new_secret()
    async with hostile.serving(behave) as port, sender() as made:
        assert (
            await made.send(webhook(f"http://127.0.0.1:{port}/"), [new, old])
        ).kind is K.DELIVERED
    for secret in (old, new):
        assert Webhook(secret).verify(bodies[0], headers)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (b"200 OK", K.DELIVERED),
        (b"204 No Content", K.DELIVERED),
        (b"299 Fine", K.DELIVERED),
        (b"301 Moved Permanently", K.REDIRECT),
        (b"307 Temporary Redirect", K.REDIRECT),
        (b"400 Bad Request", K.HTTP_4XX),
        (b"401 Unauthorized", K.HTTP_4XX),
        (b"404 Not Found", K.HTTP_4XX),
        (b"410 Gone", K.GONE),
        (b"429 Too Many Requests", K.TOO_MANY_REQUESTS),
        (b"500 Internal Server Error", K.HTTP_5XX),
        (b"503 Service Unavailable", K.HTTP_5XX),
    ],
)
async def test_the_status_decides_the_outcome(status: bytes, kind: OutcomeKind) -> None:
    outcome = await send_to(hostile.answering(status))
    assert (outcome.kind, outcome.http_status) == (kind, int(status[:3]))


async def test_a_redirect_is_not_followed() -> None:
    called: list[str] = []

    async def forbidden(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        called.append("called")

    async with hostile.serving(forbidden) as port:
        for location in (
            b"http://169.254.169.254/latest/meta-data/",
            f"http://127.0.0.1:{port}/".encode(),
        ):
            outcome = await send_to(hostile.answering(b"302 Found", b"Location: " + location))
            assert outcome.kind is K.REDIRECT
    assert called == []


ENDLESS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"


@pytest.mark.parametrize(
    ("kind", "behaviour"),
    [
        pytest.param(K.RESET, hostile.reset_at_connect, id="reset at connect"),
        pytest.param(K.RESET, hostile.saying(), id="hangs up without an answer"),
        pytest.param(K.RESET, hostile.resetting_after(), id="reset before the answer"),
        pytest.param(K.RESET, hostile.saying(b"HTTP/1.1 2"), id="hangs up in the status line"),
        pytest.param(
            K.RESET, hostile.resetting_after(b"HTTP/1.1 2"), id="reset in the status line"
        ),
        pytest.param(
            K.DELIVERED,
            hostile.saying(b"HTTP/1.1 200 OK\r\nContent-Le"),
            id="hangs up in the headers",
        ),
        pytest.param(
            K.DELIVERED,
            hostile.resetting_after(b"HTTP/1.1 200 OK\r\nContent-Le"),
            id="reset in the headers",
        ),
        pytest.param(
            K.DELIVERED,
            hostile.resetting_after(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"),
            id="reset in the body",
        ),
        pytest.param(
            K.DELIVERED,
            hostile.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"),
            id="hangs up in the body",
        ),
        pytest.param(K.DELIVERED, hostile.saying(ENDLESS + b"zz\r\nabc\r\n"), id="bad chunking"),
        pytest.param(
            K.DELIVERED,
            hostile.saying(ENDLESS + b"ffffffffffffffffffff\r\nabc"),
            id="chunk of 2^80 bytes",
        ),
        pytest.param(K.BAD_RESPONSE, hostile.saying(b"SSH-2.0-OpenSSH_9.2\r\n"), id="not HTTP"),
        pytest.param(K.BAD_RESPONSE, hostile.saying(b"HTTP/1.1 abc OK\r\n\r\n"), id="no status"),
        pytest.param(
            K.DELIVERED,
            hostile.saying(
                b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde"
            ),
            id="two lengths",
        ),
        pytest.param(
            K.DELIVERED,
            hostile.saying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000),
            id="header of 1 MB",
        ),
        pytest.param(
            K.DELIVERED,
            hostile.repeating(b"HTTP/1.1 200 OK\r\n", b"X-Y: z\r\n" * 100),
            id="endless headers",
        ),
        pytest.param(
            K.BAD_RESPONSE,
            hostile.saying(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
            id="upgrade",
        ),
        pytest.param(K.TIMEOUT, hostile.hang, id="never answers"),
        pytest.param(
            K.TIMEOUT, hostile.repeating(b"", b"HTTP/1.1 200", 60), id="hangs in the status line"
        ),
        pytest.param(
            K.DELIVERED,
            hostile.repeating(b"HTTP/1.1 200 OK\r\n", b"X", 0.05),
            id="headers byte by byte",
        ),
        pytest.param(K.DELIVERED, hostile.repeating(LONG, b"x", 0.05), id="body byte by byte"),
        pytest.param(
            K.TIMEOUT,
            hostile.repeating(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.05),
            id="100 Continue for ever, slowly",
        ),
        pytest.param(
            K.BAD_RESPONSE,
            hostile.repeating(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
            id="100 Continue for ever",
        ),
        pytest.param(K.DELIVERED, hostile.repeating(LONG, b"x" * 65_536), id="a body of 1 GB"),
        pytest.param(
            K.DELIVERED,
            hostile.repeating(ENDLESS, b"400\r\n" + b"x" * 1_024 + b"\r\n"),
            id="endless body",
        ),
    ],
)
async def test_every_misbehaviour_has_an_outcome(
    kind: OutcomeKind, behaviour: hostile.Behaviour
) -> None:
    async with asyncio.timeout(3):
        outcome = await send_to(behaviour)
    assert outcome.kind is kind, outcome


async def test_a_status_before_the_failure_decides() -> None:
    outcome = await send_to(
        hostile.resetting_after(b"HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\nabc")
    )
    assert (outcome.kind, outcome.http_status) == (K.HTTP_5XX, 500)


async def test_a_status_after_the_timeout_is_a_timeout() -> None:
    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hostile.read_request(reader)
        await asyncio.sleep(0.6)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    assert (await send_to(late)).kind is K.TIMEOUT
    assert (await send_to(late, timeout_s=2.0)).kind is K.DELIVERED  # its own time limit applies


async def test_endless_bodies_take_little_memory() -> None:
    behaviour = hostile.repeating(ENDLESS, b"10000\r\n" + b"x" * 65_536 + b"\r\n")
    async with (
        hostile.serving(behaviour) as port,
        sender(limits=TimeLimits(connect_s=5, total_s=10)) as made,
    ):
        url = f"http://127.0.0.1:{port}/"
        await made.send(webhook(url), [SECRET])
        gc.collect()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        outcomes = await asyncio.gather(*(made.send(webhook(url), [SECRET]) for _ in range(100)))
        grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert {outcome.kind for outcome in outcomes} == {K.DELIVERED}
    assert grown_kb < 60_000  # both ends of 100 connections; whole bodies would be endless


async def test_the_excerpt_is_two_kilobytes_that_postgres_can_store() -> None:
    outcome = await send_to(hostile.answering(b"500 Oops", body=b"a\0b\xff" + b"x" * 5_000))
    assert outcome.excerpt is not None
    assert outcome.excerpt[:4] == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"
    assert len(outcome.excerpt) == EXCERPT_BYTES


async def test_a_compressed_answer_is_not_unpacked() -> None:
    outcome = await send_to(
        hostile.answering(b"200 OK", b"Content-Encoding: gzip", body=b"\x1f\x8b not really")
    )
    assert (outcome.kind, (outcome.excerpt or "")[-10:]) == (K.DELIVERED, "not really")


async def test_cookies_do_not_come_back() -> None:
    heads: list[bytes] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(
            b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\n"
            b"Connection: close\r\nContent-Length: 0\r\n\r\n"
        )

    async with hostile.serving(behave) as port, sender() as made:
        for _ in range(2):
            assert (
                await made.send(webhook(f"http://127.0.0.1:{port}/"), [SECRET])
            ).kind is K.DELIVERED
    assert len(heads) == 2
    assert b"cookie" not in heads[1].lower()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (b"120", 120),
        (b"0", 0),
        (b"99999999999999999999", 10**9),
        (b"soon", None),
        (b"-5", None),
        (b"", None),
        ("１２".encode(), None),
    ],
)
async def test_retry_after_in_seconds(header: bytes, seconds: int | None) -> None:
    outcome = await send_to(hostile.answering(b"429 Too Many Requests", b"Retry-After: " + header))
    assert outcome.retry_after == (None if seconds is None else timedelta(seconds=seconds))


async def test_retry_after_as_a_date() -> None:
    moment = (now() + timedelta(minutes=10)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    outcome = await send_to(hostile.answering(b"503 Busy", b"Retry-After: " + moment.encode()))
    assert outcome.retry_after is not None
    assert timedelta(minutes=9) < outcome.retry_after <= timedelta(minutes=10)


async def test_a_closed_port_is_refused() -> None:
    assert (await send(f"http://127.0.0.1:{free_port()}/")).kind is K.REFUSED


async def test_an_unknown_name_is_the_subscribers_failure() -> None:
    def lookup(_host: str) -> Sequence[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert (await send("https://shop.example/", lookup=lookup)).kind is K.DNS


async def test_a_failing_name_server_is_our_failure() -> None:
    def lookup(_host: str) -> Sequence[Address]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    assert (await send("https://shop.example/", lookup=lookup)).kind is K.OWN_SIDE


async def test_a_lack_of_file_handles_is_our_failure() -> None:
    async with hostile.serving(hostile.answering(b"200 OK")) as port, sender() as made:
        url = f"http://127.0.0.1:{port}/"
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with socket.socket() as last:
            resource.setrlimit(resource.RLIMIT_NOFILE, (last.fileno(), hard))
            try:
                starved = await made.send(webhook(url), [SECRET])
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert starved.kind is K.OWN_SIDE
        assert (await made.send(webhook(url), [SECRET])).kind is K.DELIVERED


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://localhost:{port}/"],
)
async def test_a_private_destination_gets_no_connection(url: str) -> None:
    connections: list[str] = []

    async def note(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        connections.append("connected")

    async with hostile.serving(note) as port:
        outcome = await send(url.format(port=port), networks=[])
    assert outcome.kind is K.DESTINATION_REFUSED
    assert "loopback" in (outcome.excerpt or "")
    assert connections == []


@pytest.mark.parametrize("host", ["2130706433", "0177.0.0.1", "0x7f000001", "127.1", "127.0.0.1."])
async def test_an_odd_spelling_of_an_address_is_rejected_even_where_the_address_is_allowed(
    host: str,
) -> None:
    async with hostile.serving(hostile.answering(b"200 OK")) as port:
        assert (await send(f"http://{host}:{port}/")).kind is K.DESTINATION_REFUSED


async def test_http_is_rejected_unless_allowed() -> None:
    async with hostile.serving(hostile.answering(b"200 OK")) as port:
        assert (
            await send(f"http://127.0.0.1:{port}/", allow_http=False)
        ).kind is K.DESTINATION_REFUSED


async def test_a_name_that_changes_after_the_check_is_not_looked_up_again() -> None:
    answers = iter(["127.0.0.1", "127.0.0.2", "127.0.0.2", "127.0.0.2"])
    asked: list[str] = []

    def lookup(host: str) -> Sequence[Address]:
        asked.append(host)
        return [ip_address(next(answers))]

    async with hostile.serving(hostile.answering(b"200 OK", body=b"the vetted one")) as port:
        outcome = await send(
            f"http://shop.example:{port}/", lookup=lookup, networks=[ip_network("127.0.0.1/32")]
        )
    assert outcome.excerpt == "the vetted one"
    assert asked == ["shop.example"]


async def test_a_name_with_one_forbidden_address_is_rejected() -> None:
    def lookup(host: str) -> Sequence[Address]:
        return (
            [ip_address("127.0.0.1"), ip_address("127.0.0.2")]
            if host == "two.example"
            else [ip_address("127.0.0.1")]
        )

    async with (
        hostile.serving(hostile.answering(b"200 OK")) as port,
        sender(lookup=lookup, networks=[ip_network("127.0.0.1/32")]) as made,
    ):
        assert (
            await made.send(webhook(f"http://one.example:{port}/"), [SECRET])
        ).kind is K.DELIVERED
        assert (
            await made.send(webhook(f"http://two.example:{port}/"), [SECRET])
        ).kind is K.DESTINATION_REFUSED


async def test_a_slow_name_server_times_out_and_delays_no_other() -> None:
    def lookup(host: str) -> Sequence[Address]:
        if host == "slow.example":
            time.sleep(0.8)
        return [ip_address("127.0.0.1")]

    async with hostile.serving(hostile.answering(b"200 OK")) as port, sender(lookup=lookup) as made:
        slow = [
            asyncio.create_task(made.send(webhook(f"http://slow.example:{port}/{n}"), [SECRET]))
            for n in range(20)
        ]
        await asyncio.sleep(0.05)
        assert (
            await made.send(webhook(f"http://fast.example:{port}/"), [SECRET])
        ).kind is K.DELIVERED
        assert not any(task.done() for task in slow)
        assert {(await task).kind for task in slow} == {K.TIMEOUT}


async def test_tls_is_verified(tmp_path: Path) -> None:
    tls, trusted = hostile.server_tls(tmp_path, "127.0.0.1")
    expired, expired_file = hostile.server_tls(tmp_path, "127.0.0.1", days=-1)
    other, other_file = hostile.server_tls(tmp_path, "other.example")
    for context, certificate, kind in (
        (tls, trusted, K.DELIVERED),
        (tls, None, K.TLS),
        (tls, other_file, K.TLS),
        (expired, expired_file, K.TLS),
        (other, other_file, K.TLS),
    ):
        client = ssl.create_default_context(cafile=certificate)
        async with hostile.serving(hostile.answering(b"200 OK"), context) as port:
            outcome = await send(
                f"https://127.0.0.1:{port}/", tls=client, limits=TimeLimits(connect_s=3, total_s=3)
            )
        assert outcome.kind is kind, (certificate, outcome)


async def test_the_certificate_must_match_the_name_in_the_url(tmp_path: Path) -> None:
    tls, trusted = hostile.server_tls(tmp_path, "shop.example")
    client = ssl.create_default_context(cafile=trusted)
    async with hostile.serving(hostile.answering(b"200 OK"), tls) as port:
        for host, kind in (("shop.example", K.DELIVERED), ("evil.example", K.TLS)):
            outcome = await send(
                f"https://{host}:{port}/",
                tls=client,
                lookup=lambda _host: [ip_address("127.0.0.1")],
                limits=TimeLimits(connect_s=3, total_s=3),
            )
            assert outcome.kind is kind


async def test_a_server_without_tls_is_a_tls_error() -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with hostile.serving(babble) as port:
        outcome = await send(
            f"https://127.0.0.1:{port}/", limits=TimeLimits(connect_s=3, total_s=3)
        )
    assert outcome.kind is K.TLS


async def test_a_server_that_hangs_in_the_tls_handshake_times_out() -> None:
    async with hostile.serving(hostile.hang) as port:
        assert (await send(f"https://127.0.0.1:{port}/")).kind is K.TIMEOUT


async def test_the_description_of_a_failure_holds_nothing_of_the_webhook() -> None:
    for behaviour in (hostile.reset_at_connect, hostile.hang, hostile.saying(b"SSH-2.0\r\n")):
        outcome = await send_to(behaviour)
        assert outcome.excerpt
        assert "127.0.0.1" not in outcome.excerpt
        assert "1234-56789" not in outcome.excerpt
