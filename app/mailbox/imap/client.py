"""IMAP client of the standard library, with one time limit for a whole command.

imaplib's own limit counts for each read, so a server that sends a byte a second holds it forever.
"""

import imaplib
import select
import socket
import ssl
from contextlib import suppress
from time import monotonic
from typing import Final

COMMAND_SECONDS: Final = 60.0
"""Time for a command with all of its answer."""
PIECE: Final = 256 * 1024
"""Bytes of a message in one answer."""
_LINE_LIMIT: Final = 64 * 1024
_LITERAL_LIMIT: Final = 1024 * 1024
"""Bytes of one literal. Some servers tell a smaller size of a message than it has."""
_ANSWER_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of all that a server sends during a command."""
_IDLE_TAG: Final = b"ZRIDLE"

ImapError = (imaplib.IMAP4.error, OSError)
"""Errors of a connection, of a server, and of its answers."""


class ImapClient(imaplib.IMAP4):
    """A connection. It is not made for several threads, except `abort`."""

    def __init__(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
        command_s: float = COMMAND_SECONDS,
    ) -> None:
        """Connect, and read the server's greeting."""
        self._tls = tls
        self._command_s = command_s
        self._buffer = bytearray()
        self._received = 0
        self.begin()
        super().__init__(host, port)

    def begin(self) -> None:
        """Begin the time and the limits of the next command."""
        self._deadline = monotonic() + self._command_s
        self._received = 0

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        """Connect. Called by imaplib."""
        self.host, self.port = host, port
        self.sock = socket.create_connection((host, port), self._left())
        if self._tls is None:
            return
        try:
            wrapped = self._tls.wrap_socket(
                self.sock, server_hostname=host, do_handshake_on_connect=False
            )
            self.sock = wrapped
            self._shake_hands(wrapped)
        except BaseException:
            self.sock.close()
            raise

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes. Called by imaplib."""
        if size > _LITERAL_LIMIT:
            raise self.abort("the server sent more than was asked for")
        while len(self._buffer) < size:
            self._receive()
        return self._take(size)

    def readline(self) -> bytes:
        """Return a line with its end. Called by imaplib."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > _LINE_LIMIT:
                raise self.abort("the server sent too long a line")
            self._receive()
        return self._take(end + 1)

    def send(self, data: bytes) -> None:  # type: ignore[override]
        """Send `data`. Called by imaplib."""
        self.sock.settimeout(self._left())
        self.sock.sendall(data)

    def shutdown(self) -> None:
        """Close the connection. Called by imaplib."""
        self.abort_connection()
        self.sock.close()

    def abort_connection(self) -> None:
        """End the connection, so that a thread that waits for the server goes on."""
        with suppress(OSError):  # it has ended already
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def begin_idle(self) -> bool:
        """Send IDLE. Return True if there was news already."""
        self.begin()
        self.send(_IDLE_TAG + b" IDLE\r\n")
        has_news = False
        while not (line := self._idle_line()).startswith(b"+"):
            if line.startswith(_IDLE_TAG):
                raise self.error("IDLE was refused")
            has_news = True
        return has_news or bool(self._buffer)

    def hears_news(self, seconds: float) -> bool:
        """Return True as soon as the server sends anything, or False after this time."""
        if self._buffer or (isinstance(self.sock, ssl.SSLSocket) and self.sock.pending()):
            return True
        return self._is_readable(seconds)

    def end_idle(self) -> None:
        """End IDLE. What the server told meanwhile is only a hint, so it is dropped."""
        self.begin()
        self.send(b"DONE\r\n")
        while not self._idle_line().startswith(_IDLE_TAG):
            pass

    def _idle_line(self) -> bytes:
        line = self.readline()
        if line[:5].upper() == b"* BYE":
            raise self.abort("the server ended the connection")
        return line

    def _is_readable(self, seconds: float) -> bool:
        poller = select.poll()
        poller.register(self.sock, select.POLLIN)
        return bool(poller.poll(seconds * 1000))

    def _shake_hands(self, sock: ssl.SSLSocket) -> None:
        sock.settimeout(0)
        while True:
            try:
                sock.do_handshake()
            except ssl.SSLWantReadError:
                if not self._is_readable(self._left()):
                    raise TimeoutError("no TLS handshake") from None
            else:
                return

    def _left(self) -> float:
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError("the server took too long")
        return left

    def _receive(self) -> None:
        self.sock.settimeout(self._left())
        data = self.sock.recv(64 * 1024)
        if not data:
            raise self.abort("the server closed the connection")
        self._received += len(data)
        if self._received > _ANSWER_LIMIT:
            raise self.abort("the server sent too much")
        self._buffer += data

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data
