"""Measured processes: started with an environment, awaited until ready, and stopped."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

START_S = 30.0
STOP_S = 40.0
_KB_PER_MB = 1024


class DidNotStart(Exception):
    """A process ended, or did not become ready; the text holds the end of its output."""


@dataclass(frozen=True, slots=True)
class Running:
    """A process that is ready."""

    process: asyncio.subprocess.Process
    output: Path

    def memory_mb(self) -> float:
        """Return the resident memory of it and its children in MiB (2^20 bytes) by Linux."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sum(map(_resident_mb, (pid, *map(int, children))))

    def cpu_s(self) -> float:
        """Return its processor time in seconds, without its children."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / _KB_PER_MB
    raise ProcessLookupError(pid)


@asynccontextmanager
async def running(
    arguments: Sequence[str], port: int, output: Path, environment: Mapping[str, str]
) -> AsyncIterator[Running]:
    """Start a process, wait until `port` answers /readyz with 200, and stop it after the block.

    A sink is ready when it accepts connections. The process runs in the directory of `output`, so
    it finds no settings file. Raise DidNotStart.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RELAY_")}
    with output.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            cwd=output.parent,
            env={**inherited, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        await _ready(process, port, output)
        yield Running(process, output)
    finally:
        await _stop(process)


async def get(port: int, path: str, patience_s: float = 10.0) -> tuple[int, bytes]:
    """GET a path on this machine. Return status and body.

    Raise OSError, TimeoutError or EOFError without an answer.
    """
    async with asyncio.timeout(patience_s):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
            )
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            return int(head.split(b" ", 2)[1]), await reader.readexactly(length)
        finally:
            writer.close()


async def _ready(process: asyncio.subprocess.Process, port: int, output: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.returncode is None:
        try:
            if (await get(port, "/readyz"))[0] == 200:
                return
        except (OSError, TimeoutError, EOFError):
            pass
        await asyncio.sleep(0.05)
    what = "not ready" if process.returncode is None else f"ended with {process.returncode}"
    raise DidNotStart(f"{output.name}: {what}\n{_end_of(output)}")


def _end_of(output: Path) -> str:
    return output.read_text(errors="replace")[-2_000:]


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()
