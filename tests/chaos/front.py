"""Reverse proxies and pooler: Debian's programs, with the project's own configuration."""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.ports import free_port
from tests.chaos.listening import wait_for
from tests.chaos.plan import Front
from tests.chaos.programs import program

_DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
_STOP_S = 10.0


@contextmanager
def proxy(front: Front, receivers: Sequence[int], directory: Path) -> Iterator[int]:
    """Run a proxy in front of receivers on these ports. Yield its port."""
    directory.mkdir()
    port = free_port()
    start = _nginx if front is Front.NGINX else _caddy
    with _running(*start(port, receivers, directory), directory / "output.log"):
        wait_for(port)
        yield port


def _nginx(
    port: int, receivers: Sequence[int], directory: Path
) -> tuple[list[str], dict[str, str]]:
    text = (_DEPLOY / "nginx.conf").read_text()
    for pattern, here in (
        (r"127\.0\.0\.1:8000", f"127.0.0.1:{receivers[0]}"),
        (r"127\.0\.0\.1:8002", f"127.0.0.1:{receivers[1]}"),
        (r"(?<!# )listen +8080;", f"listen 127.0.0.1:{port};"),
        (r"^pid .*;", f"pid {directory}/nginx.pid;"),
        (r"/var/log/nginx/[\w.-]+", f"{directory}/access.log"),
    ):
        text, changes = re.subn(pattern, here, text, flags=re.MULTILINE)
        assert changes == 1, f"deploy/nginx.conf: {pattern} stands there {changes} times"
    (directory / "nginx.conf").write_text(text)
    paths = [
        "-c",
        str(directory / "nginx.conf"),
        "-p",
        str(directory),
        "-e",
        str(directory / "error.log"),
    ]
    return [program("nginx"), *paths, "-g", "daemon off;"], {}


def _caddy(
    port: int, receivers: Sequence[int], directory: Path
) -> tuple[list[str], dict[str, str]]:
    home = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(directory))
    addresses = {
        "PROXY_ADDRESS": f"http://:{port}",
        "RECEIVERS": " ".join(f"127.0.0.1:{receiver}" for receiver in receivers),
    }
    return [
        program("caddy"),
        "run",
        "--config",
        str(_DEPLOY / "Caddyfile"),
        "--adapter",
        "caddyfile",
    ], {**home, **addresses}


class Pooler:
    """Run PgBouncer in transaction mode in front of a server on this machine."""

    def __init__(self, server_port: int, directory: Path) -> None:
        directory.mkdir()
        directory.chmod(0o755)
        self.port = free_port()
        self.url = f"postgresql://relay@127.0.0.1:{self.port}/relay"
        self._output = directory / "output.log"
        self._settings = directory / "pgbouncer.ini"
        self._process: subprocess.Popen[bytes] | None = None
        # auth_type any needs the user's name here.
        lines = [
            "[databases]",
            f"* = host=127.0.0.1 port={server_port} user=relay",
            "[pgbouncer]",
            f"listen_port = {self.port}",
        ]
        lines += [
            "listen_addr = 127.0.0.1",
            "unix_socket_dir =",
            "auth_type = any",
            "pool_mode = transaction",
        ]
        self._settings.write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        """Start the program and wait until it accepts connections."""
        user = ["--user", "nobody"] if os.geteuid() == 0 else []
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [program("pgbouncer"), *user, self._settings], stdout=output, stderr=output
            )
        wait_for(self.port)

    def stop(self) -> None:
        """Stop the program immediately: connections break at any point."""
        if self._process is not None:
            _end(self._process)
            self._process = None


@contextmanager
def _running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=os.environ | environment, stdout=output, stderr=output
        )
    try:
        yield
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
