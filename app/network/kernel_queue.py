"""Waiting before the receiver: what the kernel knows of calls that nobody has read yet.

Linux tells it, other systems do not: then nothing waits, as far as can be seen.
"""

import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

IS_KNOWN: Final = sys.platform == "linux"
_COUNTERS = Path("/proc/net/netstat")
_MOST_BACKLOG = Path("/proc/sys/net/core/somaxconn")

# struct tcp_info of Linux: of a listening socket, `tcpi_unacked` is the length of its accept queue
# and `tcpi_sacked` the limit. `tcpi_last_data_recv` is in milliseconds.
_INFO_BYTES: Final = 104
_UNACKED = struct.Struct("=24xII")
_LAST_DATA_RECEIVED = struct.Struct("=52xI")


@dataclass(frozen=True, slots=True)
class AcceptQueue:
    """Established connections that wait to be accepted, and how many may wait."""

    length: int
    limit: int


def seconds_waited(connection: Any) -> float:
    """Return the seconds since the last bytes of `connection` came, 0 if that is not known.

    `connection` is a socket or has its `getsockopt`. Before the first bytes it is the age of the
    connection. The kernel counts in steps of 1 to 10 ms.
    """
    info = _info(connection)
    return _LAST_DATA_RECEIVED.unpack_from(info)[0] / 1000 if info else 0.0


def accept_queue(listening: socket.socket) -> AcceptQueue | None:
    """Return the accept queue of a listening socket, None if it is not known."""
    info = _info(listening)
    return AcceptQueue(*_UNACKED.unpack_from(info)) if info else None


def overflows() -> int | None:
    """Return how often an accept queue was full since the machine started, None if not known.

    It counts every listener of this machine, or of this container.
    """
    try:
        lines = _COUNTERS.read_text().splitlines()
    except OSError:
        return None
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        if names.startswith("TcpExt:"):
            found = dict(zip(names.split(), values.split(), strict=False)).get("ListenOverflows")
            return int(found) if found is not None else None
    return None


def longest_backlog() -> int | None:
    """Return how many connections the system lets wait for a listener, None if not known."""
    try:
        return int(_MOST_BACKLOG.read_text())
    except (OSError, ValueError):
        return None


def _info(connection: Any) -> bytes | None:
    if not IS_KNOWN:
        return None
    try:
        info: bytes = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
    except OSError:
        return None
    return info if len(info) == _INFO_BYTES else None
