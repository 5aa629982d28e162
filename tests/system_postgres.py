"""Postgres server from the system's packages, with TLS, ICU and other encodings.

The embedded server lacks these.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.ports import free_port

_FOUND = sorted(
    Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
)
INSTALLED = bool(_FOUND)
"""True when Debian's package postgresql is installed, as in CI."""


class SystemPostgres:
    """One server on TCP. Its superuser is postgres; `url` names its first database."""

    def __init__(self, directory: Path) -> None:
        self._bin = _FOUND[-1].parent
        self._user = "postgres" if os.geteuid() == 0 else None
        self._data = directory / "system-postgres"
        self._data.mkdir()
        if self._user is not None:
            shutil.chown(self._data, self._user)
        for part in (directory, *directory.parents[:4]):
            part.chmod(part.stat().st_mode | 0o055)
        self._run(
            "initdb",
            "-U",
            "postgres",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth=trust",
        )
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def write(self, name: str, text: str) -> None:
        """Write a file of the data directory, such as pg_hba.conf, for the server's eyes only."""
        file = self._data / name
        file.write_text(text)
        file.chmod(0o600)
        if self._user is not None:
            shutil.chown(file, self._user)

    def start(self, *options: str) -> None:
        """Start and wait until connections are taken; `options` such as `ssl=on`."""
        settings = " ".join(
            f"-c {option}" for option in ("fsync=off", "listen_addresses=127.0.0.1", *options)
        )
        self._run(
            "pg_ctl",
            "-w",
            "-l",
            str(self._data / "log"),
            "-o",
            f"-p {self.port} -k '' {settings}",
            "start",
        )

    def stop(self) -> None:
        """End it without ado."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        command: list[str | Path] = [self._bin / program, "-D", self._data, *arguments]
        subprocess.run(command, check=True, user=self._user, cwd="/", stdout=subprocess.DEVNULL)


@contextmanager
def system_postgres(directory: Path, *options: str, **files: str) -> Iterator[SystemPostgres]:
    """Yield a running server with `files`, such as `pg_hba_conf` for pg_hba.conf.

    It stops at the end of the block.
    """
    server = SystemPostgres(directory)
    for name, text in files.items():
        server.write(name.replace("_conf", ".conf").replace("server_", "server."), text)
    server.start(*options)
    try:
        yield server
    finally:
        server.stop()
