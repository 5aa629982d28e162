"""Pool of connections: what is kept, for how long, and what is never used again."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from yarl import URL

from app.network.http import connection_pool
from app.network.http.connection import Answer
from app.network.http.connection_pool import ConnectionPool, Destination, HttpProxy
from app.network.http.failures import ConnectionEnded, MalformedAnswer, ProxyUnreachable
from app.network.http.one_post import post
from app.network.http.request import post_head, post_request
from app.network.http.tunnel import connect_request
from app.network.resolver import VettingResolver
from tests.forwarding import hostile_server as hostile
from tests.forwarding.certificates import Authority

REQUEST = post_request(post_head("/", [("Host", "shop.example")]), {}, b"body")
KEPT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


class Counting:
    """Server that counts its connections and answers each request with the same bytes."""

    def __init__(self, answer: bytes = KEPT, *, hangs_up: bool = False) -> None:
        self.answer = answer
        self.hangs_up = hangs_up
        self.opened = 0
        self.closed = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        try:
            while True:
                await hostile.read_request(reader)
                writer.write(self.answer)
                if self.hangs_up:
                    return
        finally:
            self.closed += 1


@asynccontextmanager
async def pooled() -> AsyncIterator[ConnectionPool]:
    pool = ConnectionPool(VettingResolver([ip_network("127.0.0.0/8")]))
    try:
        yield pool
    finally:
        pool.close()


def open_sockets() -> int:
    links = (file.readlink() for file in Path("/proc/self/fd").iterdir() if file.is_symlink())
    return sum(str(link).startswith("socket:") for link in links)


def plain(port: int) -> Destination:
    return Destination("127.0.0.1", port, None, "127.0.0.1")


async def exchange(
    pool: ConnectionPool, destination: Destination, request: bytes = REQUEST
) -> Answer:
    answer = Answer(100)
    await pool.exchange(destination, request, answer, connect_s=2.0, total_s=2.0)
    return answer


async def test_the_connection_that_was_kept_last_is_used_first() -> None:
    used: list[object] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await hostile.read_request(reader)
            used.append(writer)
            await asyncio.sleep(0.02)  # so that three connections are needed at first
            writer.write(KEPT)

    async with hostile.serving(behave) as port, pooled() as pool:
        there = plain(port)
        await asyncio.gather(*(exchange(pool, there) for _ in range(3)))
        for _ in range(3):
            await exchange(pool, there)
    assert len(set(used[:3])) == 3
    assert len(set(used[3:])) == 1


async def test_an_idle_connection_is_closed_and_the_used_ones_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_pool, "KEEP_ALIVE_S", 0.4)
    server = Counting()
    async with hostile.serving(server) as port, pooled() as pool:
        there = plain(port)
        await asyncio.gather(exchange(pool, there), exchange(pool, there))
        for _ in range(6):
            await asyncio.sleep(0.1)
            assert (await exchange(pool, there)).body == b"OK"
        assert (server.opened, server.closed) == (2, 1)
        await asyncio.sleep(0.6)
        assert (server.opened, server.closed) == (2, 2)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nOK",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nOK",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOKHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK!",
        b"HTTP/1.1 200 OK\r\nContent-Length: 102\r\n\r\n" + b"x" * 102,
    ],
    ids=["HTTP/1.0", "close", "half an answer more", "a byte more", "more than is wanted"],
)
async def test_what_is_used_again(answer: bytes, request: pytest.FixtureRequest) -> None:
    server = Counting(answer)
    async with hostile.serving(server) as port, pooled() as pool:
        for _ in range(2):
            assert (await exchange(pool, plain(port))).status == 200
    is_kept = request.node.callspec.id == "more than is wanted"  # all of it has come with the head
    assert server.opened == (1 if is_kept else 2)


async def test_a_connection_answered_before_its_request_was_sent_is_not_used_again() -> None:
    opened: list[int] = []

    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(1)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(KEPT)
        await asyncio.sleep(5)

    long = post_request(post_head("/", [("Host", "shop.example")]), {}, b"x" * 20_000_000)
    async with hostile.serving(hasty) as port, pooled() as pool:
        for _ in range(2):
            assert (await exchange(pool, plain(port), long)).status == 200
    assert len(opened) == 2


@pytest.mark.parametrize("ends_tls", [True, False])
async def test_a_connection_over_tls_is_gone_soon(ends_tls: bool, tmp_path: Path) -> None:
    """A subscriber that closes after each answer, and does or does not end TLS properly."""
    authority = Authority("shop")
    ends: list[asyncio.StreamWriter] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(writer)
        await hostile.read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        if not ends_tls:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(5)

    tls = ssl.create_default_context(cadata=authority.pem)
    async with (
        hostile.serving(behave, authority.server(tmp_path, "shop.example")) as port,
        pooled() as pool,
    ):
        there = Destination("127.0.0.1", port, tls, "shop.example")
        before = open_sockets()
        await exchange(pool, there)
        async with asyncio.timeout(2.5):
            while open_sockets() > before + 1:  # the server's end of it may stay
                await asyncio.sleep(0.05)
        for end in ends:
            end.transport.abort()


async def test_a_connection_that_the_other_side_closed_is_not_used() -> None:
    server = Counting(hangs_up=True)
    async with hostile.serving(server) as port, pooled() as pool:
        for _ in range(3):
            assert (await exchange(pool, plain(port))).status == 200
            await asyncio.sleep(0.05)
    assert server.opened == 3


async def test_a_server_that_closes_after_every_answer_without_saying_so() -> None:
    """As some proxies do: the end comes while the next request is on its way."""
    server = Counting(hangs_up=True)
    async with hostile.serving(server) as port, pooled() as pool:
        for _ in range(20):
            assert (await exchange(pool, plain(port))).body == b"OK"
    assert server.opened == 20  # each request was read once


@pytest.mark.parametrize(
    ("seconds", "beginning", "status"),
    [(0.0, b"", 200), (1.3, b"", None), (0.0, b"HTTP/1.1 20", None)],
    ids=["at once", "after a while", "in its answer"],
)
async def test_a_kept_connection_that_ends(
    seconds: float, beginning: bytes, status: int | None
) -> None:
    connections: list[int] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await hostile.read_request(reader)
        writer.write(KEPT)
        if len(connections) == 1:
            await hostile.read_request(reader)
            await asyncio.sleep(seconds)
            writer.write(beginning)

    async with hostile.serving(behave) as port, pooled() as pool:
        await exchange(pool, plain(port))
        try:
            found = (await exchange(pool, plain(port))).status
        except ConnectionEnded:
            found = None
    assert (found, len(connections)) == (status, 1 if status is None else 2)


async def test_a_new_connection_that_ends_is_not_followed_by_another() -> None:
    opened: list[int] = []

    async def behave(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        opened.append(1)
        await hostile.read_request(reader)

    async with hostile.serving(behave) as port, pooled() as pool:
        with pytest.raises(ConnectionEnded):
            await exchange(pool, plain(port))
    assert len(opened) == 1


async def test_a_body_without_a_length_ends_with_the_connection() -> None:
    async with (
        hostile.serving(hostile.saying(b"HTTP/1.1 200 OK\r\n\r\n", b"until", b" the end")) as port,
        pooled() as pool,
    ):
        assert (await exchange(pool, plain(port))).body == b"until the end"


async def test_chunks_are_put_together() -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"3\r\nabc\r\n",
        b"2;x=y\r\nde\r\n0\r\n\r\n",
    )
    server = Counting(b"".join(chunked))
    async with hostile.serving(server) as port, pooled() as pool:
        for _ in range(2):
            assert (await exchange(pool, plain(port))).body == b"abcde"
    assert server.opened == 1


@pytest.mark.parametrize(
    ("host", "line"),
    [("203.0.113.7", "203.0.113.7:443"), ("2001:db8::7", "[2001:db8::7]:443")],
)
def test_a_tunnel_is_asked_for_by_address(host: str, line: str) -> None:
    asked = connect_request(host, 443, "Basic abc").decode().split("\r\n")
    assert asked == [
        f"CONNECT {line} HTTP/1.1",
        f"Host: {line}",
        "Proxy-Authorization: Basic abc",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n\x16\x03\x01", MalformedAnswer),
        (b"", ProxyUnreachable),
        (b"HTTP/1.1 2", ProxyUnreachable),
    ],
)
async def test_a_proxy_that_makes_no_clean_tunnel(answer: bytes, failure: type[Exception]) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    tls = ssl.create_default_context()
    async with hostile.serving(behave) as port, pooled() as pool:
        proxy = HttpProxy("127.0.0.1", port)
        with pytest.raises(failure):
            await exchange(pool, Destination("203.0.113.7", 443, tls, "shop.example", proxy))


async def test_one_post_carries_the_login_of_its_url_and_leaves_no_connection() -> None:
    heads: list[bytes] = []
    closed = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        await reader.readexactly(2)
        writer.write(KEPT)
        await reader.read()
        closed.set()

    answer = Answer(0)
    async with hostile.serving(behave) as port:
        await post(
            URL(f"http://user:word@chat.example:{port}/a?b", encoded=True),
            {"Content-Type": "application/json"},
            b"{}",
            answer,
            resolver=VettingResolver(
                [ip_network("127.0.0.0/8")], lambda _host: [ip_address("127.0.0.1")]
            ),
            tls=ssl.create_default_context(),
            seconds=2.0,
        )
        await asyncio.wait_for(closed.wait(), 2)
    first, *lines = heads[0].decode().split("\r\n")
    assert first == "POST /a?b HTTP/1.1"
    assert {f"Host: chat.example:{port}", "Authorization: Basic dXNlcjp3b3Jk"} < set(lines)
    assert (answer.status, bytes(answer.body)) == (200, b"")
