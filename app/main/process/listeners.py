"""HTTP listeners: uvicorn servers on sockets bound at the start, with a graceful stop."""

import asyncio
import contextlib
import ctypes
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import uvicorn

BACKLOG = 65_535
"""Connections that may wait to be accepted: the system's own limit is lower and counts."""
DRAIN_SECONDS = 20
HANDSHAKE_SECONDS = 0.3
"""Time at a stop for TCP handshakes in flight: more than a round trip."""
PUBLIC_BUFFER = 64 * 1024
"""Kernel buffer of a public connection in bytes, for each direction; Linux doubles it."""
ACCEPTS_PER_TURN = 4
"""Duplicates of the public socket.

uvloop accepts one connection per socket in a turn of the event loop. In a flood a genuine call
would wait behind thousands of others.
"""
_SO_ATTACH_FILTER = 26

# A program for the kernel's packet filter, run on each segment to the listening socket. It drops a
# segment with SYN and without ACK, which asks for a new connection. Handshakes in flight can
# finish, and none begins.
_DROP_NEW = (
    (0x30, 0, 0, 13),  # load the byte of the TCP header that holds the flags
    (0x54, 0, 0, 0x12),  # keep ACK and SYN of it
    (0x15, 0, 1, 0x02),  # SYN without ACK: go to the next line, else skip it
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFFFFFF),  # pass
)


class CannotListen(Exception):
    """The address is in use or is not this machine's."""


class HttpServer(uvicorn.Server):
    """A uvicorn server that ends by `stop` and ignores signals, which the process handles."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers."""
        yield

    def stop(self) -> None:
        """Stop accepting, finish requests in flight, and let `serve` return."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept every connection already established, then finish requests in flight."""
        for connection in list(self.server_state.connections):
            connection.shutdown()
        # Duplicates, since closing the server's own sockets must not end the queues.
        queues = [listening.dup() for listening in sockets or []]
        dropping = [drop_new(queue) for queue in queues]
        if any(dropping):
            await asyncio.sleep(HANDSHAKE_SECONDS)
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        for queue in queues:
            for accepted in accept_rest(queue):
                await loop.connect_accepted_socket(self._protocol, accepted)
            queue.close()
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = make(
            config=self.config, server_state=self.server_state, app_state={}
        )
        return protocol


class HttpListener:
    """One bound address and the server on it."""

    def __init__(
        self,
        application: Any,
        host: str,
        port: int,
        *,
        protocol: Any = "httptools",
        public: bool = False,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Bind the address; raises CannotListen.

        A `public` listener is sized for floods from outside. Every answer has `headers`.
        """
        self._socket = bind(host, port)
        self._sockets = [self._socket]
        if public:
            for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                self._socket.setsockopt(socket.SOL_SOCKET, buffer, PUBLIC_BUFFER)
            self._sockets += [self._socket.dup() for _ in range(ACCEPTS_PER_TURN - 1)]
        self._server = HttpServer(
            uvicorn.Config(
                application,
                http=protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,  # the source check reads the forwarding headers itself
                server_header=False,
                headers=list(headers),
                timeout_graceful_shutdown=DRAIN_SECONDS,
            )
        )

    @property
    def address(self) -> str:
        """Return `host:port` as bound; the port is real even if the setting is 0."""
        host, port = self._socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def socket(self) -> socket.socket:
        """Return the listening socket."""
        return self._socket

    def stop(self) -> None:
        """Stop accepting and let `run` return after the requests in flight."""
        self._server.stop()

    async def run(self) -> None:
        """Serve until stopped."""
        try:
            await self._server.serve(sockets=self._sockets)
        except asyncio.CancelledError:
            for bound in self._sockets:
                bound.close()
            raise


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; raises CannotListen, which names the address."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        raise CannotListen(f"cannot listen on {host}:{port}: {error.strerror}") from None
    # From here on the kernel holds calls for us, even if the rest of the start takes a while.
    bound.listen(BACKLOG)
    bound.setblocking(False)
    return bound


def drop_new(listening: socket.socket) -> bool:
    """Drop new connections to a listening socket; return True when the system can do that.

    The client repeats its SYN after a second, and then reaches a successor or is rejected. Without
    this, it would see a connection that the kernel resets when the socket is closed.
    """
    if sys.platform != "linux":
        return False
    program = ctypes.create_string_buffer(
        b"".join(struct.pack("HBBI", *line) for line in _DROP_NEW)
    )
    try:
        listening.setsockopt(
            socket.SOL_SOCKET,
            _SO_ATTACH_FILTER,
            struct.pack("HP", len(_DROP_NEW), ctypes.addressof(program)),
        )
    except OSError:
        return False
    return True


def accept_rest(listening: socket.socket) -> list[socket.socket]:
    """Return the connections in the queue of a non-blocking listening socket."""
    connections: list[socket.socket] = []
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:  # the queue is empty, or its first connection is gone
            return connections
        connection.setblocking(False)
        connections.append(connection)
