"""Subscriber of the bench, a process of its own: answer every POST with 200 and record its time.

`POST /hook/NAME` arrives for NAME; `POST /hook/NAME?after=10` is answered after 10 s. `GET
/arrivals` returns all arrivals as JSON and clears them. Times are seconds of the monotonic clock,
which all processes of a machine share.
"""

import argparse
import asyncio
import json
import re
import time
from typing import cast

import uvloop

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nOK"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ORDER_NO = re.compile(rb'"order_no": *"([^"]*)"')
_AFTER = re.compile(rb"[?&]after=([0-9.]+)")


class Arrivals:
    """Arrivals, and the most requests that waited for their answer at the same time."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[str, str, float]] = []
        self.waiting = 0
        self.most_waiting = 0

    def add(self, path: bytes, body: bytes) -> None:
        """Record one webhook: subscriber, order and time."""
        moment = time.monotonic()
        order_no = _ORDER_NO.search(body)
        name = path.partition(b"?")[0].rpartition(b"/")[2]
        self.arrivals.append((name.decode(), order_no[1].decode() if order_no else "", moment))

    def take(self) -> bytes:
        """Return everything as JSON, and begin a new count."""
        taken = {"arrivals": self.arrivals, "most_waiting": self.most_waiting}
        self.arrivals = []
        self.most_waiting = self.waiting
        return json.dumps(taken).encode()


class SinkProtocol(asyncio.Protocol):
    """Minimal HTTP/1.1 for a well-behaved client."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for the answers."""
        self._transport = cast(
            asyncio.Transport, transport
        )  # uvloop's has the methods and not the class

    def data_received(self, data: bytes) -> None:
        """Answer every complete request."""
        self._received += data
        while True:
            head, complete, rest = self._received.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            size = int(length[1]) if length else 0
            if not complete or len(rest) < size:
                return
            self._received = rest[size:]
            self._request(head.split(b" ", 2)[1], rest[:size])

    def _request(self, path: bytes, body: bytes) -> None:
        if path in (b"/arrivals", b"/readyz"):
            content = self._arrivals.take() if path == b"/arrivals" else b"ready\n"
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content)
            )
            return
        self._arrivals.add(path, body)
        self._arrivals.waiting += 1
        self._arrivals.most_waiting = max(self._arrivals.most_waiting, self._arrivals.waiting)
        after = _AFTER.search(path)
        if after:
            asyncio.get_running_loop().call_later(float(after[1]), self._answer)
        else:
            self._answer()

    def _answer(self) -> None:
        self._arrivals.waiting -= 1
        if not self._transport.is_closing():
            self._transport.write(_ANSWER)


async def serve(port: int) -> None:
    """Answer until the process ends."""
    arrivals = Arrivals()
    server = await asyncio.get_running_loop().create_server(
        lambda: SinkProtocol(arrivals), "127.0.0.1", port, backlog=1024
    )
    await server.serve_forever()


def main() -> None:
    """Run the subscriber on the port of the command line."""
    parser = argparse.ArgumentParser(
        description="A subscriber that remembers when webhooks arrived."
    )
    parser.add_argument("port", type=int)
    uvloop.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
