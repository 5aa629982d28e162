"""One call against real servers: what comes back, and what Zeus would have done."""

import asyncio
import ipaddress
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.simulator.player.caller import MAX_HEADER_BYTES, CallVerdict, send
from app.simulator.player.orders import Contract, SimulatedCall, build_orders
from app.simulator.player.scenarios import SCENARIOS
from app.simulator.player.target import HttpVersion, LineEnd, Method, target_of
from app.zeus.wire import Style
from bench.ports import free_port
from tests.simulator.simulator_server import (
    OK,
    Answer,
    arrived,
    close_without_answer,
    hang,
    listening,
    one_byte_at_a_time,
    reset,
    saying,
)

CALL = SimulatedCall("1234-56789-01234", "04", b"order_no=1234-56789-01234&status=04")


async def test_200_needs_nothing_and_the_bytes_arrive_as_written() -> None:
    async with listening(saying(OK)) as server:
        outcome = await send(target_of(server.url()), CALL)

    assert (outcome.status, outcome.error, outcome.verdict) == (200, None, CallVerdict.NOTHING)
    assert 0 < outcome.latency_s < 5
    assert server.requests == [
        b"GET /zeus/notify?order_no=1234-56789-01234&status=04 HTTP/1.0\r\n\r\n"
    ]


@pytest.mark.parametrize("status", [404, 500, 503, 403, 301, 307, 201, 204, 100])
async def test_every_other_status_is_a_mail_even_with_retries_ordered(status: int) -> None:
    async with listening(saying(b"HTTP/1.1 %d Whatever\r\n\r\n" % status)) as server:
        outcome = await send(target_of(server.url()), CALL, retries_left=3)

    assert (outcome.status, outcome.error, outcome.verdict) == (status, None, CallVerdict.MAIL)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\n\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 200 \r\nX: y\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nNG, this body means nothing",
        b"HTTP/1.1 200 \x82\xa0\r\nX: \x82\xa0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * (MAX_HEADER_BYTES - 100) + b"\r\n\r\n",
    ],
)
async def test_only_the_status_of_an_answer_counts(answer: bytes) -> None:
    async with listening(saying(answer)) as server:
        outcome = await send(target_of(server.url()), CALL)

    assert (outcome.status, outcome.verdict) == (200, CallVerdict.NOTHING)


async def test_an_answer_may_come_one_byte_at_a_time() -> None:
    async with listening(one_byte_at_a_time) as server:
        outcome = await send(target_of(server.url()), CALL)

    assert (outcome.status, outcome.verdict) == (200, CallVerdict.NOTHING)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (close_without_answer, "closed"),
        (reset, "reset"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"), "closed"),
        (saying(b"HTTP/1.1 200 OK"), "closed"),
        (saying(b"220 mail.example.com ready\r\n"), "not_http"),
        (saying(b"HTTP/1.1 2000 OK\r\n\r\n"), "not_http"),
        (saying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_HEADER_BYTES + b"\r\n\r\n"), "too_long"),
        (
            saying(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (MAX_HEADER_BYTES // 6) + b"\r\n"),
            "too_long",
        ),
    ],
)
async def test_no_whole_answer_is_a_mail_even_with_retries_ordered(
    answer: Answer, error: str
) -> None:
    async with listening(answer) as server:
        outcome = await send(target_of(server.url()), CALL, retries_left=3)

    assert (outcome.status, outcome.error, outcome.verdict) == (None, error, CallVerdict.MAIL)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_refused_connection_is_a_mail(host: str) -> None:
    outcome = await send(target_of(f"http://{host}:{free_port()}/"), CALL, retries_left=3)

    assert (outcome.status, outcome.error, outcome.verdict) == (None, "refused", CallVerdict.MAIL)


class TwoAddresses(asyncio.SelectorEventLoop):
    """Resolves every name to two addresses of this machine, as `localhost` with IPv6 does."""

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))
            for address in ("127.0.0.1", "127.0.0.2")
        ]


def test_refused_at_every_address_of_a_host_is_refused() -> None:
    with asyncio.Runner(loop_factory=TwoAddresses) as runner:
        outcome = runner.run(send(target_of(f"http://shop.example.com:{free_port()}/"), CALL))

    assert (outcome.error, outcome.verdict) == ("refused", CallVerdict.MAIL)


async def test_a_host_without_an_address_is_a_mail() -> None:
    # An address on a network interface that does not exist fails without asking a name server.
    outcome = await send(target_of("http://[fe80::1%nosuch0]/"), CALL)

    assert (outcome.error, outcome.verdict) == ("unresolved", CallVerdict.MAIL)


@pytest.mark.parametrize(
    ("retries_left", "verdict"), [(0, CallVerdict.MAIL), (1, CallVerdict.RETRY)]
)
async def test_a_timeout_is_retried_only_if_a_retry_is_left(
    retries_left: int, verdict: CallVerdict
) -> None:
    async with listening(hang) as server:
        outcome = await send(
            target_of(server.url(), timeout_s=0.2), CALL, retries_left=retries_left
        )

    assert (outcome.status, outcome.error, outcome.verdict) == (None, "timeout", verdict)
    assert 0.2 <= outcome.latency_s < 2


async def test_a_status_line_without_the_rest_does_not_stop_the_clock() -> None:
    async def stall(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await hang(b"", writer)

    async with listening(stall) as server:
        outcome = await send(target_of(server.url(), timeout_s=0.2), CALL)

    assert (outcome.status, outcome.error) == (None, "timeout")


async def test_latency_counts_from_the_intended_start() -> None:
    async with listening(saying(OK)) as server:
        outcome = await send(target_of(server.url()), CALL, intended_start=time.perf_counter() - 3)

    assert 3 <= outcome.late_s <= outcome.latency_s < 8


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize("method", Method)
async def test_what_arrives_decodes_to_what_was_meant(style: Style, method: Method) -> None:
    (order,) = build_orders(SCENARIOS["usual"], 1, seed=21, contract=Contract(style=style))
    async with listening(saying(OK)) as server:
        target = target_of(server.url("/zeus/notify?shop=1"), method=method)
        outcomes = [await send(target, call) for call in order.calls]

    heard = [arrived(request) for request in server.requests]
    assert [outcome.status for outcome in outcomes] == [200, 200, 200]
    assert [dict(call.values) for call in heard] == [
        {**order.values, "status": status} for status in ("01", "04", "05")
    ]
    assert [dict(call.unknown) for call in heard] == [{"shop": "1"}] * 3


async def test_raw_style_over_lf_lines_puts_8_bit_bytes_on_the_wire() -> None:
    contract = Contract(parameters=("username",), style=Style.RAW)
    (order,) = build_orders(SCENARIOS["failed"], 1, seed=22, contract=contract)
    async with listening(saying(OK)) as server:
        target = target_of(server.url("/n"), http=HttpVersion.V1_1, line_end=LineEnd.LF)
        await send(target, order.calls[0])

    name = order.values["username"].encode("cp932")
    assert server.requests == [
        b"GET /n?username=%b HTTP/1.1\nHost: 127.0.0.1:%d\nConnection: close\n\n"
        % (name, server.port)
    ]


def certificate(folder: Path) -> Path:
    """A file with a new key and a certificate of its own for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulator test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


async def test_https_is_spoken_and_an_unknown_certificate_is_refused(tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    async with listening(saying(OK), tls=serving) as server:
        url = f"https://127.0.0.1:{server.port}/n"
        trusted = await send(target_of(url, tls=ssl.create_default_context(cafile=str(pem))), CALL)
        unknown = await send(target_of(url), CALL)

    assert (trusted.status, trusted.verdict) == (200, CallVerdict.NOTHING)
    assert (unknown.status, unknown.error, unknown.verdict) == (None, "tls", CallVerdict.MAIL)
    assert server.requests[0] == b"GET /n?order_no=1234-56789-01234&status=04 HTTP/1.0\r\n\r\n"


async def test_https_to_a_server_that_hangs_times_out_and_ends_at_once(tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    async with listening(hang, tls=serving) as server:
        tls = ssl.create_default_context(cafile=str(pem))
        outcome = await send(
            target_of(f"https://127.0.0.1:{server.port}/", tls=tls, timeout_s=0.3), CALL
        )

    assert outcome.error == "timeout"
    assert 0.3 <= outcome.latency_s < 2
