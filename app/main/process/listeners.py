"""Listeners: uvicorn servers on sockets bound at the start, which leave signals to the process they share with others."""

import asyncio
import contextlib
import ctypes
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import uvicorn

_SO_ATTACH_FILTER = 26

# A program for the kernel's packet filter, run on each segment to the listening socket: one with SYN and without ACK is a wish for a new
# connection and is dropped, all else passes. Handshakes under way can so be finished, and none begins.
_DROP_NEW = (
    (0x30, 0, 0, 13),  # load the byte of the TCP header that holds the flags
    (0x54, 0, 0, 0x12),  # keep ACK and SYN of it
    (0x15, 0, 1, 0x02),  # SYN alone: to the next line, else to the one behind it
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFFFFFF),  # pass
)


def refuse_new(listening: socket.socket) -> bool:
    """Let no new connection into the queue of a listening socket; whether the system can do that.

    The caller tries again after a second, and is refused or finds a successor. Otherwise it would think it is connected while the kernel
    resets what lies in the queue of a socket that is closed.
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
    """The connections in the queue of a listening socket (which does not block)."""
    connections: list[socket.socket] = []
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:  # the queue is empty, or the connection at its head is gone already
            return connections
        connection.setblocking(False)
        connections.append(connection)


BACKLOG = 2048
DRAIN_SECONDS = 20
HANDSHAKE_SECONDS = 0.3
"""How long handshakes that are under way at a stop are waited for; more than a round trip."""


PUBLIC_BUFFER = 64 * 1024
"""Bytes that the kernel keeps of a public connection that we or the peer do not read, each way; Linux doubles it."""
ACCEPTS_PER_TURN = 4
"""uvloop accepts one connection of a socket in a turn of the event loop. In a flood an honest one would wait behind 2,048 others."""


class CannotListen(Exception):
    """The address is taken or is not this machine's."""


class HttpServer(uvicorn.Server):
    """A uvicorn server among others in one process: `stop` ends it, signals do not."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield

    def stop(self) -> None:
        """Stop accepting, finish what is in flight, and let `serve` return."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take in every connection that a caller already has, then stop accepting and finish what is in flight."""
        for connection in list(self.server_state.connections):
            connection.shutdown()
        queues = [
            listening.dup() for listening in sockets or []
        ]  # closing the server's own must not end the queue
        refused = [refuse_new(queue) for queue in queues]
        if any(refused):
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
        """Bind the address; raises CannotListen. A `public` one is made for floods from outside; every answer has `headers`."""
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
                proxy_headers=False,  # the door looks at the forwarding headers itself
                server_header=False,
                headers=list(headers),
                timeout_graceful_shutdown=DRAIN_SECONDS,
            )
        )

    @property
    def address(self) -> str:
        """`host:port` as bound; a port of 0 in the settings has become a real one."""
        host, port = self._socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def stop(self) -> None:
        """Stop accepting and let `run` return when what is in flight is done."""
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
    """A listening socket; raises CannotListen, which names the address."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        raise CannotListen(f"cannot listen on {host}:{port}: {error.strerror}") from None
    bound.listen(
        BACKLOG
    )  # from here on the kernel holds calls for us, even if the rest of the start takes a while
    bound.setblocking(False)
    return bound
