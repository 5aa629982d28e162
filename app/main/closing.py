"""Closing a listening socket without resetting a connection that a caller already has."""

import ctypes
import socket
import struct
import sys

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
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in _DROP_NEW))
    try:
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(_DROP_NEW), ctypes.addressof(program)))
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
