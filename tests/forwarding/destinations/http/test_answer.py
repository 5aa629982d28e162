"""A complete status line decides, whatever follows, on every route."""

import asyncio
import gc
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.forwarding.destinations.connection_options import ConnectionOptions
from app.forwarding.destinations.http.sender import TimeLimits, parse_retry_after
from app.forwarding.outcome import DeliveryOutcome, OutcomeKind
from app.network.http.answer_head import MOST_INFORMATIONAL
from app.network.http.connection import REST_SECONDS
from tests.forwarding import hostile_server as hostile
from tests.forwarding.certificates import Authority
from tests.forwarding.destinations.http.test_sender import SECRET, send_to, sender, webhook
from tests.forwarding.destinations.test_connection_options import OUTSIDE, Proxy, proxying, public

K = OutcomeKind

# What may follow a status line. None of it changes the status.
BROKEN = {
    "a body with 204": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nabcde", 204),
    "a body with 204 in chunks": (
        b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        204,
    ),
    "a body with 204 without a length": (b"HTTP/1.1 204 No Content\r\n\r\nabcde", 204),
    "a body with 205": (b"HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nabcde", 205),
    "more than was announced": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOKabcde", 200),
    "less than was announced": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", 200),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", 200),
    "the same length twice": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
        200,
    ),
    "two lengths in one": (b"HTTP/1.1 200 OK\r\nContent-Length: 3, 5\r\n\r\nabcde", 200),
    "length and chunks": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nabcde\r\n0\r\n\r\n",
        200,
    ),
    "chunks and length": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
        b"5\r\nabcde\r\n0\r\n\r\n",
        200,
    ),
    "a length that is no number": (b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nabcde", 200),
    "a length below zero": (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabcde", 200),
    "a length of forty digits": (
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\nabcde",
        200,
    ),
    "an unknown coding": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: frobbed\r\n\r\nabcde", 200),
    "a header of 16 KB": (
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 16_384 + b"\r\nContent-Length: 0\r\n\r\n",
        200,
    ),
    "a header of 1 MB": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n", 200),
    "300 headers": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"Content-Length: 0\r\n\r\n", 200),
    "a reason of 16 KB": (b"HTTP/1.1 200 " + b"x" * 16_384 + b"\r\nContent-Length: 0\r\n\r\n", 200),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200),
    "bytes that no header may have": (b"HTTP/1.1 200 OK\r\nX\x00: \xff\x00\x01\r\n\r\n", 200),
    "a header without a name": (b"HTTP/1.1 200 OK\r\n: x\r\n\r\n", 200),
    "a header without a colon": (b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", 200),
    "a header that begins with a space": (b"HTTP/1.1 200 OK\r\n X: y\r\n\r\n", 200),
    "lines that end in LF": (b"HTTP/1.1 200 OK\nX: y\n\nOK", 200),
    "lines that end in CR": (b"HTTP/1.1 200 OK\rX: y\r\r", 200),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nOK", 200),
    "HTTP/1.0 with a length": (b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nOK", 200),
    "a status line and nothing else": (b"HTTP/1.1 200 OK\r\n", 200),
    "half a header": (b"HTTP/1.1 200 OK\r\nContent-Le", 200),
    "chunks that are none": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
        200,
    ),
    "a chunk of 2^80 bytes": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\nabc",
        200,
    ),
    "chunks without an end": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        200,
    ),
    "a body that is not gzip": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        200,
    ),
    "cookies of nonsense": (
        b"HTTP/1.1 200 OK\r\nSet-Cookie: \xff=;;;=\r\nSet-Cookie:\r\nContent-Length: 0\r\n\r\n",
        200,
    ),
    "an impossible Retry-After": (
        b"HTTP/1.1 200 OK\r\nRetry-After: 1e308\r\nContent-Length: 0\r\n\r\n",
        200,
    ),
    "a Retry-After in no calendar": (
        b"HTTP/1.1 200 OK\r\nRetry-After: Mon, 01 Jan 99999999999 00:00:00 GMT\r\n\r\n",
        200,
    ),
    "a key of an old WebSocket": (
        b"HTTP/1.1 200 OK\r\nSec-WebSocket-Key1: x\r\nContent-Length: 0\r\n\r\n",
        200,
    ),
    "an upgrade nobody asked for": (
        b"HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n\x81\x00",
        200,
    ),
    "two answers": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        200,
    ),
    "after 100 Continue": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        200,
    ),
    "after early hints": (
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3
        + b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        200,
    ),
    "206": (b"HTTP/1.1 206 Partial\r\nContent-Range: \xff\r\nContent-Length: 9\r\n\r\n", 206),
    "299": (b"HTTP/1.1 299 Fine\r\nContent-Length: x\r\n\r\n", 299),
    "410": (b"HTTP/1.1 410 Gone\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", 410),
    "429": (b"HTTP/1.1 429 Slow\r\nX: " + b"x" * 16_384 + b"\r\n\r\n", 429),
    "503": (b"HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nabc", 503),
    "404": (b"HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 404),
    "302": (b"HTTP/1.1 302 There\r\nLocation: \xff\x00\r\n\r\n", 302),
}
KINDS = {404: K.HTTP_4XX, 410: K.GONE, 429: K.TOO_MANY_REQUESTS, 503: K.HTTP_5XX, 302: K.REDIRECT}


@pytest.mark.parametrize(
    "end",
    [hostile.saying, hostile.resetting_after, hostile.staying_after],
    ids=["hangs up", "resets", "stays"],
)
@pytest.mark.parametrize("name", list(BROKEN))
async def test_a_complete_status_line_decides(name: str, end: Any) -> None:
    answer, status = BROKEN[name]
    outcome = await send_to(end(answer), limits=TimeLimits(connect_s=1, total_s=1))
    assert (outcome.kind, outcome.http_status) == (KINDS.get(status, K.DELIVERED), status), outcome


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(
            hostile.repeating(b"HTTP/1.1 200 OK\r\n", b"X-Y: z\r\n" * 100),
            id="headers without an end",
        ),
        pytest.param(
            hostile.repeating(b"HTTP/1.1 200 OK\r\n", b"X", 0.05), id="headers byte by byte"
        ),
        pytest.param(
            hostile.repeating(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x", 0.05),
            id="a body byte by byte",
        ),
        pytest.param(
            hostile.repeating(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536), id="a body without an end"
        ),
        pytest.param(
            hostile.repeating(b"HTTP/1.1 200 ", b"x" * 1_000), id="a reason without an end"
        ),
        pytest.param(
            hostile.repeating(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"
            ),
            id="chunks without an end",
        ),
        pytest.param(
            hostile.repeating(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x" * 1_000
            ),
            id="a chunk's extension",
        ),
        pytest.param(
            hostile.repeating(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 100
            ),
            id="trailers without an end",
        ),
    ],
)
async def test_an_endless_answer_ends(behaviour: hostile.Behaviour) -> None:
    async with asyncio.timeout(3):
        outcome = await send_to(behaviour)
    assert (outcome.kind, outcome.http_status) == (K.DELIVERED, 200), outcome


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (K.BAD_RESPONSE, b"<html>200 OK</html>\r\n\r\n"),  # as HTTP/0.9 would answer
        (K.BAD_RESPONSE, b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        (K.BAD_RESPONSE, b"200 OK\r\n\r\n"),
        (K.BAD_RESPONSE, b"ICY 200 OK\r\n\r\n"),
        (K.BAD_RESPONSE, b"HTTPS/1.1 200 OK\r\n\r\n"),
        (K.BAD_RESPONSE, b"HTTP/1.1 abc OK\r\n\r\n"),
        (K.BAD_RESPONSE, b"HTTP/1.1 2000 OK\r\n\r\n"),
        (K.BAD_RESPONSE, b"HTTP/1.1 20 OK\r\n\r\n"),
        (K.BAD_RESPONSE, b"HTTP/1.1 -200 OK\r\n\r\n"),
        (K.BAD_RESPONSE, "HTTP/1.1 ２００ OK\r\n\r\n".encode()),
        (
            K.BAD_RESPONSE,
            b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
            b"HTTP/1.1 200 OK\r\n\r\n",
        ),
        (K.BAD_RESPONSE, b"HTTP/1.1 100 Continue\r\n\r\nnonsense HTTP/1.1 200 OK\r\n\r\n"),
        (K.RESET, b"HTTP/1.1 200"),  # may have become 2000
        (K.RESET, b"HTTP/1.1 2"),
        (K.RESET, b""),
        (K.RESET, b"HTTP/1.1 100 Continue\r\n\r\n"),
        (K.BAD_RESPONSE, b"HTTP/1.1 100 Continue\r\nHTTP/1.1 200 OK\r\n\r\n"),
    ],
)
async def test_other_bytes_than_a_status_line_decide_nothing(
    kind: OutcomeKind, answer: bytes
) -> None:
    outcome = await send_to(hostile.saying(answer))
    assert outcome.kind is kind, outcome


@pytest.mark.parametrize("status", [b"429 Slow", b"503 Busy"])
@pytest.mark.parametrize(
    ("head", "seconds"),
    [
        (b"Content-Length: 3\r\nContent-Length: 5\r\nRetry-After: 120\r\n\r\n", 120),
        (b"X: " + b"x" * 16_384 + b"\r\nretry-after:120 \r\n\r\n", 120),
        (b"X: y\r\n" * 300 + b"RETRY-AFTER: 120\n\r\n", 120),
        (b"Retry-After: 120\r\nX\x00: y\r\n", 120),
        (b"Retry-After: 120\r\nX: " + b"x" * 1_000_000, 120),
        (b"X\x00: y\r\nRetry-After: 12", None),  # it may have become 120
        (b"X\x00: y\r\n\r\nRetry-After: 120\r\n", None),  # in the body
        (b"X\x00: y\r\nX-Retry-After: 120\r\n\r\n", None),
        (b"X\x00: y\r\nRetry-After: 1e308\r\n\r\n", None),
    ],
)
async def test_only_a_readable_retry_after_counts(
    status: bytes, head: bytes, seconds: int | None
) -> None:
    outcome = await send_to(hostile.saying(b"HTTP/1.1 " + status + b"\r\n" + head))
    assert outcome.http_status == int(status[:3])
    assert outcome.retry_after == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "value",
    [
        *(
            "1e308",
            "-1",
            "+5",
            "1.5",
            "soon",
            "nan",
            "inf",
            "\N{SUPERSCRIPT TWO}",
            "120, 120",
            "\x00",
            "\udcff",
            ":",
            ",",
            "; GMT",
        ),
        *(
            "Mon, 01 Jan 99999999999 00:00:00 GMT",
            "Mon, 01 Jan 2026 00:00:00 +999999999999999999",
            "Mon, 01 Jan 2026 00:00:00 -9999",
        ),
        *(
            "Sat, 1 Jan 100000000000000000000 00:00:00 GMT",
            "Mon, 32 Jan 2026 00:00:00 GMT",
            "Mon, 01 Jan 0000 00:00:00 GMT",
        ),
        *(
            "Mon, 01 Jan 2026 99999999999:00:00 GMT",
            "Mon, 01 Jan 2026 25:61:61 GMT",
            "Mon, 99999999999999999999 Jan 2026 00:00:00 GMT",
        ),
        *(
            "Mon, 01 Foo 2026 00:00:00 GMT",
            "Mon",
            "Mon, 01",
            "01 Jan",
            "Fri, 31 Dec 9999 23:59:59 -2359",
            "Mon, 01 Jan 0001 00:00:00 +2359",
        ),
    ],
)
def test_an_impossible_retry_after_is_none_or_a_wait(value: str) -> None:
    wait = parse_retry_after(value)
    assert wait is None or isinstance(wait, timedelta)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("007", 7),
        ("9" * 12, 10**9),
        ("9" * 5_000, 10**9),
        ("", None),
        ("1e308", None),
    ],
)
def test_seconds_are_parsed(value: str, seconds: int | None) -> None:
    assert parse_retry_after(value) == (None if seconds is None else timedelta(seconds=seconds))


async def test_endless_informational_answers_use_little_memory_and_time() -> None:
    behaviour = hostile.repeating(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000)
    async with (
        hostile.serving(behaviour) as port,
        sender(limits=TimeLimits(connect_s=5, total_s=10)) as made,
    ):
        url = f"http://127.0.0.1:{port}/"
        await made.send(webhook(url), [SECRET])
        gc.collect()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        outcomes = await asyncio.gather(*(made.send(webhook(url), [SECRET]) for _ in range(40)))
        grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert {(outcome.kind, outcome.excerpt) for outcome in outcomes} == {
        (K.BAD_RESPONSE, f"more than {MOST_INFORMATIONAL} informational answers")
    }
    assert grown_kb < 30_000  # both ends of 40 connections, 256 KB of buffer each


@asynccontextmanager
async def way(
    name: str, answer: bytes, directory: Path
) -> AsyncIterator[tuple[str, ConnectionOptions, dict[str, Any]]]:
    """Run a subscriber that answers `answer`, reached by one route."""
    authority = Authority("shop")
    tls = authority.server(directory, "shop.example") if "tls" in name else None
    async with hostile.serving(hostile.saying(answer), tls) as port, proxying(Proxy(port)) as proxy:
        options: dict[str, Any] = {"limits": TimeLimits(connect_s=3, total_s=3)}
        if "proxy" in name:
            options |= {
                "proxy": f"http://127.0.0.1:{proxy.port}",
                "lookup": public,
                "networks": OUTSIDE,
            }
            there = 443 if tls else 80
        else:
            options |= {"lookup": lambda _host: [hostile.HERE]}
            there = port
        connection_options = ConnectionOptions(ca=authority.pem) if tls else ConnectionOptions()
        yield (
            f"{'https' if tls else 'http'}://shop.example:{there}/hooks",
            connection_options,
            options,
        )


WAYS = ["straight", "straight, tls", "proxy", "proxy, tls"]


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize(
    "broken",
    [
        "two lengths",
        "a header of 16 KB",
        "a status line and nothing else",
        "less than was announced",
        "410",
        "503",
    ],
)
async def test_the_status_decides_on_every_route(name: str, broken: str, tmp_path: Path) -> None:
    answer, status = BROKEN[broken]
    async with (
        way(name, answer, tmp_path) as (url, connection_options, options),
        sender(**options) as made,
    ):
        outcome = await made.send(webhook(url), [SECRET], connection_options)
    assert (outcome.kind, outcome.http_status) == (KINDS.get(status, K.DELIVERED), status), outcome


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 Connection established\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 Connection established\r\nX\x00: y\r\n\r\n",
        b"HTTP/1.1 200 Connection established\r\nX: " + b"x" * 1_000_000,
    ],
)
async def test_a_proxys_broken_answer_is_never_used_as_the_subscribers(answer: bytes) -> None:
    async with hostile.serving(hostile.hang) as port, proxying(Proxy(port, answer)) as proxy:
        options = {"proxy": f"http://127.0.0.1:{proxy.port}", "lookup": public, "networks": OUTSIDE}
        async with sender(**options) as made:
            outcome = await made.send(webhook("https://shop.example/"), [SECRET])
    assert (outcome.kind is K.DELIVERED, outcome.http_status) == (False, None), outcome


@pytest.mark.parametrize("gap_s", [0, 0.05])
async def test_unrequested_bytes_are_not_the_next_answer(gap_s: float) -> None:
    """A body in its own piece ends the first answer.

    Later bytes must not answer the next webhook.
    """
    stray = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hostile.read_request(reader)
        writer.write(b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\n")
        await asyncio.sleep(0.05)
        writer.write(b"oops" if gap_s else b"oops" + stray)
        if gap_s:
            await asyncio.sleep(gap_s)
            writer.write(stray)
        await hostile.read_request(reader)
        writer.write(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")

    async with hostile.serving(behave) as port, sender() as made:
        for _ in range(3):
            outcome = await made.send(webhook(f"http://127.0.0.1:{port}/"), [SECRET])
            assert outcome.http_status == 500
            await asyncio.sleep(0.1)


async def test_connections_are_reused() -> None:
    connections: list[int] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        while True:
            await hostile.read_request(reader)
            writer.write(
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
            )

    async with hostile.serving(behave) as port, sender() as made:
        for _ in range(5):
            assert (
                await made.send(webhook(f"http://127.0.0.1:{port}/"), [SECRET])
            ) == DeliveryOutcome(K.DELIVERED, 200, "OK")
    assert len(connections) == 1


async def test_the_wait_for_the_rest_of_an_answer_has_a_limit() -> None:
    behaviour = hostile.repeating(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x", 0.5)
    started = asyncio.get_running_loop().time()
    outcome = await send_to(behaviour, limits=TimeLimits(connect_s=30, total_s=30))
    assert outcome.kind is K.DELIVERED
    assert REST_SECONDS - 0.1 < asyncio.get_running_loop().time() - started < 25


async def test_a_send_cancelled_after_its_status_line_has_the_outcome_of_the_status() -> None:
    arrived = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hostile.read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc")
        await asyncio.sleep(0.2)
        arrived.set()
        await hostile.hang(reader, writer)

    async with (
        hostile.serving(behave) as port,
        sender(limits=TimeLimits(connect_s=5, total_s=30)) as made,
    ):
        sending = asyncio.create_task(made.send(webhook(f"http://127.0.0.1:{port}/"), [SECRET]))
        await arrived.wait()
        sending.cancel()
        assert await sending == DeliveryOutcome(K.DELIVERED, 200, "abc")


async def test_a_send_cancelled_before_its_status_line_is_cancelled() -> None:
    async with (
        hostile.serving(hostile.hang) as port,
        sender(limits=TimeLimits(connect_s=5, total_s=30)) as made,
    ):
        sending = asyncio.create_task(made.send(webhook(f"http://127.0.0.1:{port}/"), [SECRET]))
        await asyncio.sleep(0.2)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


@pytest.mark.parametrize(
    ("answer", "excerpt"),
    [
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\nabc", "abc"),
        (
            b"HTTP/1.1 500 Oops\r\nContent-Length: x\r\n\r\nabc",
            "the answer broke off after its status: no HTTP answer",
        ),
        (
            b"HTTP/1.1 500 Oops\r\nX: y",
            "the answer broke off after its status: the connection ended before the answer did",
        ),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", None),
    ],
)
async def test_the_excerpt_is_the_body_or_the_failure(answer: bytes, excerpt: str | None) -> None:
    assert (await send_to(hostile.saying(answer))).excerpt == excerpt
