"""Real processes of the service for tests, observed through their logs."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from tests.log_reader import LogReader

PROGRAM = Path(sys.executable).with_name("zeus-relay")
KEY = "Zm9yIHRlc3RzIG9ubHksIG1ha2UgeW91ciBvd24hISE="
ADMIN_TOKEN = "for-tests-only-make-your-own"
START_SECONDS = 60.0


def environment(**settings: str) -> dict[str, str]:
    """Return this environment with only the given RELAY_ variables, named without the prefix."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RELAY_")}
    return inherited | {f"RELAY_{name}": value for name, value in settings.items()}


def service_settings(database_url: str) -> dict[str, str]:
    """Return settings that start every role on this database and on free ports.

    Subscribers on this machine are allowed.
    """
    return {
        "DATABASE_URL": database_url,
        "PUBLIC_PORT": "0",
        "OPERATOR_PORT": "0",
        "ADMIN_TOKEN": ADMIN_TOKEN,
        "SECRET_KEYS": KEY,
        "SUBSCRIBER_NETWORKS": "127.0.0.0/8",
        "ALLOW_HTTP_SUBSCRIBERS": "true",
    }


class Process:
    """One `zeus-relay` process. It logs to a file, from which its addresses are read.

    With `piped` it logs to a pipe, whose reader writes the file.
    """

    def __init__(
        self,
        arguments: list[str],
        settings: dict[str, str],
        directory: Path,
        *,
        piped: bool = False,
        before: Sequence[str] = (),
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.log_file = directory / f"{'-'.join(arguments)}-{time.monotonic_ns()}.log"
        with self.log_file.open("wb") as log:
            self._reader = LogReader(log) if piped else None
            output = self._reader.writing if self._reader else log
            self._process = subprocess.Popen(
                [*before, PROGRAM, *arguments],
                env=environment(**settings),
                cwd=directory,
                stdout=output,
                stderr=output,
            )
            if self._reader:
                self._reader.started()

    @property
    def log_reader(self) -> LogReader:
        """Return the reader of the pipe."""
        assert self._reader
        return self._reader

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def second_pid(self) -> int:
        """Return the id of the second process of `up`."""
        [child] = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(child)

    def log_text(self) -> str:
        return self.log_file.read_text(errors="replace")

    def events(self) -> Iterator[dict[str, object]]:
        """Yield the JSON lines of the log."""
        for line in self.log_text().splitlines():
            if line.startswith("{"):
                yield json.loads(line)

    async def address_of(self, role: str) -> tuple[str, int]:
        """Wait until a role listens, and return its host and port."""
        event = await self.logged("listening", role=role)
        match = re.fullmatch(r"(.*):(\d+)", str(event["address"]))
        assert match
        return match[1], int(match[2])

    async def logged(self, event: str, **fields: object) -> dict[str, object]:
        """Wait for a log line and return it."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            for line in self.events():
                if line.get("event") == event and all(
                    line.get(name) == value for name, value in fields.items()
                ):
                    return line
            assert self._process.poll() is None, (
                f"ended with {self._process.returncode}:\n{self.log_text()}"
            )
            await asyncio.sleep(0.02)
        raise AssertionError(f"no {event} {fields} in\n{self.log_text()}")

    async def ready(self, role: str) -> tuple[str, int]:
        """Wait until the role is ready, and return its address."""
        host, port = await self.address_of(role)
        async with aiohttp.ClientSession() as client:
            for _ in range(int(START_SECONDS / 0.05)):
                try:
                    async with client.get(f"http://{host}:{port}/readyz") as response:
                        if response.status == 200:
                            return host, port
                except aiohttp.ClientConnectionError:
                    pass
                await asyncio.sleep(0.05)
        raise AssertionError(f"{role} did not become ready:\n{self.log_text()}")

    def kill(self) -> None:
        """Kill it with SIGKILL, like a power cut."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def terminate(self) -> None:
        """Ask it to stop with SIGTERM, like a deploy."""
        self._process.send_signal(signal.SIGTERM)

    async def ended(self, patience: float = 40) -> int:
        """Wait for the end and return the exit code."""
        return await asyncio.wait_for(asyncio.to_thread(self._process.wait), patience)

    def close(self) -> None:
        """Stop the process and its reader."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._reader:
            self._reader.close()


@contextmanager
def processes(directory: Path) -> Iterator["Starter"]:
    """Yield a starter of processes, which all end with the block."""
    starter = Starter(directory)
    try:
        yield starter
    finally:
        for process in starter.started:
            process.close()


class Starter:
    """Starts processes and keeps a list of them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.started: list[Process] = []

    def start(self, *arguments: str, **settings: str) -> Process:
        """Start a process with these arguments and settings."""
        return self.start_with(arguments, settings)

    def start_with(
        self,
        arguments: Sequence[str],
        settings: Mapping[str, str],
        *,
        piped: bool = False,
        before: Sequence[str] = (),
    ) -> Process:
        """Start a process, with `piped` output or through the command `before`.

        `before` starts its arguments by `exec`.
        """
        process = Process(
            list(arguments), dict(settings), self._directory, piped=piped, before=before
        )
        self.started.append(process)
        return process
