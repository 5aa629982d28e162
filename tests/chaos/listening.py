"""Wait until somebody listens on a port."""

import socket
import time


def wait_for(port: int, patience_s: float = 20.0) -> None:
    """Return when somebody listens on a port. Raise TimeoutError."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens on port {port}")
