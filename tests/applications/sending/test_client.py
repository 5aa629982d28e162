"""The HTTP client against real servers that answer well, badly, slowly or not at all."""

import asyncio
import gzip
import ipaddress
import socket
import time

import pytest

from app.applications.outcomes import SendOutcome, outcome_of
from app.applications.sending.client import ZeusClient
from app.applications.states import ApplicationState
from app.network.address_rules import Address
from app.zeus.application_answer import write_answer
from tests.applications.application_setup import SLIP, ok_answer
from tests.simulator.simulator_server import (
    Answer,
    close_without_answer,
    hang,
    listening,
    reset,
    saying,
)

FORM = b"clientip=2012000001&act=secure_order"
BODY = write_answer(SLIP)


async def outcome_at(url: str, *, seconds: float = 3.0, **options: object) -> SendOutcome:
    client = ZeusClient(url, total_s=seconds, **options)  # type: ignore[arg-type]
    try:
        return outcome_of(await client.post(FORM), "D001")
    finally:
        await client.close()


async def outcome_with(answer: Answer, *, seconds: float = 3.0) -> SendOutcome:
    async with listening(answer) as server:
        outcome = await outcome_at(server.url("/cgi-bin/cvs.cgi"), seconds=seconds)
        assert 1 == len(server.requests), "never sent twice"
    return outcome


def http(head: bytes, body: bytes = b"") -> bytes:
    return head.replace(b"\n", b"\r\n") + b"\r\n" + body


async def test_a_good_answer() -> None:
    async with listening(saying(ok_answer())) as server:
        outcome = await outcome_at(server.url("/cgi-bin/cvs.cgi"))
    assert (ApplicationState.ACCEPTED, SLIP["order_no"]) == (outcome.state, outcome.order_no)
    assert SLIP["pay_url"] == outcome.pay_url
    assert (200, BODY) == (outcome.answer_status, outcome.answer)
    request = server.requests[0].lower()
    assert request.startswith(b"post /cgi-bin/cvs.cgi http/1.1\r\n")
    assert b"\r\ncontent-type: application/x-www-form-urlencoded\r\n" in request
    assert b"\r\naccept-encoding: identity\r\n" in request
    assert request.endswith(FORM)


LONG = b"x" * 3_000_000
UNCLEAR = {
    "an error with a slip in it": http(b"HTTP/1.1 500 No\nContent-Length: %d\n" % len(BODY), BODY),
    "an empty answer": http(b"HTTP/1.1 200 OK\nContent-Length: 0\n"),
    "no content": http(b"HTTP/1.1 204 No Content\n"),
    "a redirect": http(
        b"HTTP/1.1 302 Found\nLocation: /cgi-bin/cvs.cgi\nContent-Length: %d\n" % len(BODY), BODY
    ),
    "a redirect that keeps the method": http(
        b"HTTP/1.1 307 Go\nLocation: /cgi-bin/cvs.cgi\nContent-Length: 0\n"
    ),
    "a page": http(
        b"HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length: %d\n" % (len(BODY) + 6),
        b"<html>" + BODY,
    ),
    "3 MB": http(b"HTTP/1.1 200 OK\nContent-Length: %d\n" % len(LONG), LONG),
    "3 MB without a length": http(b"HTTP/1.1 200 OK\n", BODY + LONG),
    "a length that is longer": http(b"HTTP/1.1 200 OK\nContent-Length: 9999\n", BODY),
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "no HTTP": b"rel=Success_order\r\norder_no=1\r\npay_no1=2\r\n",
    "a chunk that is cut": http(
        b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n", b"%x\r\n%s" % (len(BODY), BODY)
    ),
    "gzip": http(
        b"HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: %d\n" % len(gzip.compress(BODY)),
        gzip.compress(BODY),
    ),
    "a slip whose number has a NUL": ok_answer(BODY.replace(b"1234-5", b"12\x004-5")),
}


@pytest.mark.parametrize("answer", UNCLEAR.values(), ids=UNCLEAR)
async def test_an_answer_that_is_not_whole_and_clear_is_unknown(answer: bytes) -> None:
    outcome = await outcome_with(saying(answer))
    assert ApplicationState.UNKNOWN is outcome.state
    assert outcome.failure


@pytest.mark.parametrize("answer", [close_without_answer, reset, hang])
async def test_a_lost_answer_is_unknown(answer: Answer) -> None:
    outcome = await outcome_with(answer, seconds=1.0)
    assert ApplicationState.UNKNOWN is outcome.state


async def test_a_byte_at_a_time_has_a_time_limit() -> None:
    async def slowly(_: bytes, writer: asyncio.StreamWriter) -> None:
        for byte in ok_answer():
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.2)

    begun_at = time.monotonic()
    outcome = await outcome_with(slowly, seconds=1.0)
    assert ApplicationState.UNKNOWN is outcome.state
    assert time.monotonic() - begun_at < 5


async def test_a_cut_answer_keeps_its_order_number_for_the_call() -> None:
    cut = ok_answer()[:-40]
    outcome = await outcome_with(saying(cut))
    assert ApplicationState.UNKNOWN is outcome.state
    assert SLIP["order_no"] == outcome.order_no
    assert outcome.answer


async def test_nothing_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        outcome = await outcome_at(f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert ApplicationState.NOT_SENT is outcome.state


async def test_no_such_name() -> None:
    outcome = await outcome_at("https://zeus.invalid/")
    assert ApplicationState.NOT_SENT is outcome.state


async def test_a_server_without_tls_or_with_an_unknown_certificate_gets_nothing() -> None:
    async with listening(saying(ok_answer())) as server:
        outcome = await outcome_at(server.url("/").replace("http:", "https:"))
        assert ApplicationState.NOT_SENT is outcome.state
        assert not any(FORM in request for request in server.requests)


async def test_a_handshake_that_hangs_is_not_sent() -> None:
    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await asyncio.sleep(30)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        outcome = await outcome_at(f"https://127.0.0.1:{port}/", connect_s=0.5)
    finally:
        server.close()
    assert ApplicationState.NOT_SENT is outcome.state


def found(*addresses: str) -> object:
    def lookup(_: str) -> list[Address]:
        return [ipaddress.ip_address(address) for address in addresses]

    return lookup


async def test_plain_http_goes_to_this_machine_and_to_named_networks_alone() -> None:
    refused = await outcome_at("http://192.0.2.1/")
    assert ApplicationState.NOT_SENT is refused.state
    assert "RELAY_APPLICATION_NETWORKS" in (refused.failure or "")
    by_name = await outcome_at("http://zeus.example/", lookup=found("192.0.2.1"))
    assert "RELAY_APPLICATION_NETWORKS" in (by_name.failure or "")
    async with listening(saying(ok_answer())) as server:
        url = f"http://zeus.example:{server.port}/"
        mixed = await outcome_at(url, lookup=found("127.0.0.1", "192.0.2.1"))
        assert ApplicationState.NOT_SENT is mixed.state
        good = await outcome_at(url, lookup=found("127.0.0.1"))
        assert ApplicationState.ACCEPTED is good.state


async def test_no_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")
    outcome = await outcome_with(saying(ok_answer()))
    assert ApplicationState.ACCEPTED is outcome.state
