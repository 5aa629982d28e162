"""Caller of a simulated Zeus: sends one call over its own connection and judges the answer."""

import asyncio
import errno
import re
import socket
import ssl
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.simulator.player.orders import SimulatedCall
from app.simulator.player.target import CallTarget, request_bytes

MAX_HEADER_BYTES: Final = 64 * 1024
"""The longest status line and headers, in bytes, that are read of an answer."""

_STATUS_LINE = re.compile(rb"HTTP/[0-9]\.[0-9] ([0-9]{3})(?: [^\r\n]*)?\r?\n")
_OUT_OF_SOCKETS = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS})
TIMEOUT: Final = "timeout"
_PIECES = 20


class CallVerdict(StrEnum):
    """Reaction of Zeus to an answer (manual, CGI call)."""

    NOTHING = "nothing"
    """The answer was 200."""
    MAIL = "mail"
    """CGI送信エラー通知: the call is lost until somebody sends it again by hand."""
    RETRY = "retry"
    """No answer in time, and the merchant ordered retries."""


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """Outcome of one call.

    `status` is the HTTP status, or None if no answer came; then `error` is one of
      timeout      no answer within the target's timeout
      refused      nobody listens there
      reset        the connection was broken off
      closed       the connection was closed before the answer's headers ended
      not_http     the answer does not begin with an HTTP status line
      too_long     the answer's headers do not end within MAX_HEADER_BYTES
      tls          no TLS connection came about
      unresolved   the host name has no address
      unreachable  no way to the host
      no_socket    this machine ran out of sockets or ports, which says nothing about the receiver
    `latency_s` runs, in seconds, from the (intended) start to the end of the headers or to the
    error. `late_s` is the delay of the start, in seconds.
    """

    status: int | None
    error: str | None
    latency_s: float
    verdict: CallVerdict
    late_s: float = 0.0


class _BadAnswer(Exception):
    """The answer cannot be read; `error` is the word for it in Outcome."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


async def send(
    target: CallTarget,
    call: SimulatedCall,
    *,
    retries_left: int = 0,
    intended_start: float | None = None,
) -> CallOutcome:
    """Send `call` once and wait for its answer.

    `retries_left` decides between `retry` and `mail` after a timeout; nothing is repeated here.
    `intended_start` is the time of time.perf_counter() at which the call should have begun
    (default: now).
    """
    started = time.perf_counter()
    intended = started if intended_start is None else intended_start
    status, error = await _try(target, request_bytes(target, call.query))
    return CallOutcome(
        status,
        error,
        time.perf_counter() - intended,
        _verdict(status, error, retries_left),
        started - intended,
    )


def _verdict(status: int | None, error: str | None, retries_left: int) -> CallVerdict:
    if status == 200:
        return CallVerdict.NOTHING
    if error == TIMEOUT and retries_left > 0:
        return CallVerdict.RETRY
    return CallVerdict.MAIL


async def _try(target: CallTarget, request: bytes) -> tuple[int | None, str | None]:
    try:
        async with asyncio.timeout(target.timeout_s):
            return await _exchange(target, request), None
    except _BadAnswer as bad:
        return None, bad.error
    except OSError as error:
        return None, _word_for(error)


async def _exchange(target: CallTarget, request: bytes) -> int:
    local = (target.source, 0) if target.source else None
    reader, writer = await asyncio.open_connection(
        target.host, target.port, ssl=target.tls, limit=MAX_HEADER_BYTES, local_addr=local
    )
    try:
        await _write(writer, request, target.slow_s)
        return await _read_status(reader)
    finally:
        # Not close(): over TLS that waits for the other side, which may hang.
        writer.transport.abort()


async def _write(writer: asyncio.StreamWriter, request: bytes, slow_s: float) -> None:
    """Write the request, in _PIECES pieces over `slow_s` seconds if that is not 0."""
    size = -(-len(request) // _PIECES) if slow_s else len(request)
    for start in range(0, len(request), size):
        writer.write(request[start : start + size])
        if slow_s:
            await asyncio.sleep(slow_s / _PIECES)


async def _read_status(reader: asyncio.StreamReader) -> int:
    """Return the status of an answer with complete headers. Raises _BadAnswer.

    The body is not read: Zeus ignores it.
    """
    line = await _read_line(reader)
    found = _STATUS_LINE.fullmatch(line)
    if found is None:
        raise _BadAnswer("not_http")
    size = len(line)
    while line not in (b"\r\n", b"\n"):
        line = await _read_line(reader)
        size += len(line)
        if size > MAX_HEADER_BYTES:
            raise _BadAnswer("too_long")
    return int(found[1])


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    try:
        line = await reader.readline()
    except ValueError:  # the reader's own limit
        raise _BadAnswer("too_long") from None
    if not line.endswith(b"\n"):
        raise _BadAnswer("closed")
    return line


def _word_for(error: OSError) -> str:
    words: tuple[tuple[type[OSError], str], ...] = (
        (TimeoutError, TIMEOUT),
        (ConnectionRefusedError, "refused"),
        (ConnectionError, "reset"),
        (ssl.SSLError, "tls"),
        (socket.gaierror, "unresolved"),
    )
    for kind, word in words:
        if isinstance(error, kind):
            return word
    if error.errno in _OUT_OF_SOCKETS:
        return "no_socket"
    # asyncio merges the failures of a host's several addresses into one OSError without a number.
    return "refused" if f"[Errno {errno.ECONNREFUSED}]" in str(error) else "unreachable"
