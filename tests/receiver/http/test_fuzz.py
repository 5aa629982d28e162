"""Random bytes as requests to a receiver process.

It does not crash, hang or grow, and then answers a normal call.

RELAY_FUZZ_REQUESTS sets their number: 2,000 by default, 50,000 in `make fuzz`.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.processes import processes, service_settings
from tests.raw_http import exchange, status_of
from tests.receiver.receiver_setup import CALL, PATH, get

REQUESTS = int(os.environ.get("RELAY_FUZZ_REQUESTS", "2000"))
AT_ONCE = 20
PATIENCE_S = 20.0
GROWTH_LIMIT_KB = 40_000

FRAGMENTS = st.sampled_from(
    [
        *(
            b"GET ",
            b"POST ",
            b"HEAD ",
            b"get ",
            b" HTTP/1.0",
            b" HTTP/1.1",
            b" HTTP/9.9",
            b"\r\n",
            b"\n",
            b"\r\n\r\n",
            b"\0",
            b" ",
            b"#",
        ),
        *(
            PATH,
            b"/healthz",
            b"http://a",
            b"?",
            CALL,
            b"&",
            b"=",
            b"%",
            b"\x83R",
            b"order_no=",
            b"status=04",
            b"//",
            b"a" * 70_000,
        ),
        *(
            b"Content-Length: ",
            b"5",
            b"70000",
            b"-1",
            b"99999999999999999999",
            b"Transfer-Encoding: chunked\r\n",
            b"0\r\n\r\n",
            b"5\r\nabcde\r\n",
        ),
        *(
            b"Expect: 100-continue\r\n",
            b"Connection: close\r\n",
            b"Connection: upgrade\r\nUpgrade: websocket\r\n",
            b"Host: a\r\n",
            b": \r\n",
        ),
        *(
            b"X-Forwarded-For: 127.0.0.1\r\n",
            b'Forwarded: for="',
            b"X-Raw-Query: ",
            b"\xff\xfe",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ),
    ]
)
REQUEST = st.lists(st.one_of(FRAGMENTS, st.binary(max_size=30)), max_size=12).map(
    b"".join
) | st.binary(max_size=200)


def memory_kb(pid: int) -> int:
    """Return the process's private memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def answers(connection: socket.socket) -> Iterator[bytes]:
    """Return the bytes received until the receiver closes.

    A reset ends them too: the sender broke off.
    """
    with suppress(ConnectionError):
        while data := connection.recv(65_536):
            yield data


def send_all(address: tuple[str, int], requests: list[bytes]) -> None:
    """Send each request on its own connection and close our side.

    The receiver must close each in time.
    """
    connections = []
    for request in requests:
        connection = socket.create_connection(address, PATIENCE_S)
        with suppress(ConnectionError):
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        connections.append(connection)
    for request, connection in zip(requests, connections, strict=True):
        with connection:
            answer = b"".join(answers(connection))  # raises TimeoutError if the receiver hangs
        assert answer == b"" or answer.startswith(b"HTTP/1.1 "), request
        assert b" 500 " not in answer.split(b"\r\n")[0], request


@pytest.mark.timeout(120 + REQUESTS // 10)
async def test_random_bytes_do_no_harm(database_url: str, tmp_path: Path) -> None:
    with processes(tmp_path) as starter:
        receiver = starter.start("receive", **service_settings(database_url))
        address = await receiver.ready("receiver")
        sizes = []

        @settings(
            max_examples=REQUESTS // AT_ONCE,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(REQUEST, min_size=AT_ONCE, max_size=AT_ONCE))
        def fuzz(requests: list[bytes]) -> None:
            send_all(address, requests)
            sizes.append(memory_kb(receiver.pid))

        fuzz()
        assert status_of(await exchange(*address, get(PATH + b"?" + CALL))) == 200
        assert '"application_failed"' not in receiver.log_text()
        assert "Traceback" not in receiver.log_text()
        print(f"memory after each round, KB: {sizes[:: max(1, len(sizes) // 10)]}")
        # The first quarter warms up buffers, caches and database connections.
        assert max(sizes[len(sizes) // 2 :]) - max(sizes[: len(sizes) // 4 + 1]) < GROWTH_LIMIT_KB
        receiver.terminate()
        assert await receiver.ended() == 0
