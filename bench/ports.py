"""Free TCP ports of the loopback address, for servers that a bench or a test starts."""

import socket
from secrets import randbelow

_given: set[int] = set()
_LOWEST, _BEYOND = 10_000, 32_768


def free_port() -> int:
    """Return a port on which nobody listens now. A process never gets the same one twice.

    The ports lie below those that Linux gives to outgoing connections, so that no connection of
    this machine takes one before its server starts.
    """
    while True:
        port = _LOWEST + randbelow(_BEYOND - _LOWEST)
        with socket.socket() as probe:
            if port not in _given and _is_free(probe, port):
                _given.add(port)
                return port


def _is_free(probe: socket.socket, port: int) -> bool:
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
