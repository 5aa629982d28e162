"""Second process of a command, as the first sees it: started, woken, restarted and stopped."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress

from app.logs import get_logger
from app.main.process.metrics_exchange import own_samples
from app.metrics import process_restarts

READY = b"ready\n"
METRICS_WANTED = b"metrics\n"
WAKE = b"wake\n"
STOP = b"stop\n"
METRICS = b"metrics %d\n"
"""Lines of the two pipes. After METRICS follow as many bytes of samples."""

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0
_FAILED = 1

log = get_logger("main")


class _Running:
    """One process and its pipes."""

    def __init__(self, process: Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("a process with pipes is needed")
        self._process = process
        self.stdin = process.stdin
        self._stdout = process.stdout

    @property
    def code(self) -> int | None:
        """Return its exit code, or None while it runs."""
        return self._process.returncode

    async def is_ready(self) -> bool:
        """Return True when it says so, False when it ends before."""
        async for line in self._stdout:
            if line == READY:
                return True
        return False

    async def answer(self) -> None:
        """Answer requests for metrics until it ends."""
        async for line in self._stdout:
            if line == METRICS_WANTED:
                samples = await asyncio.to_thread(own_samples)
                with suppress(OSError):
                    self.stdin.write(METRICS % len(samples) + samples)
        await self._process.wait()

    async def ended(self) -> int:
        """Return its exit code when it has ended."""
        return await self._process.wait()

    def finish(self) -> None:
        """Ask it to finish its work in flight."""
        with suppress(OSError):
            self.stdin.write(STOP)

    async def kill(self) -> int:
        """End it immediately if it still runs. Return its exit code."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        return await self._process.wait()


class BackProcess:
    """Runs a module of ours in a process of its own until stopped, and starts it again if it ends.

    It stops when it is told to through its pipe, and by no signal: a Ctrl-C in a terminal and
    systemd's SIGTERM reach a whole group of processes, and this one stops its roles in their order.
    """

    name = "back"

    def __init__(self, module: str, *arguments: str) -> None:
        """Run `python -m module` with these arguments; nothing is started yet."""
        self._command = (sys.executable, "-P", "-m", module, *arguments)
        self._process: _Running | None = None
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Start it and wait until it is ready.

        Raise SystemExit with its code if it ends before; it wrote the reason to standard error.
        """
        process = await self._start()
        try:
            if not await process.is_ready():
                code = await process.ended()
                raise SystemExit(code if code > 0 else _FAILED)
        except BaseException:
            await process.kill()
            raise

    def wake(self) -> None:
        """Tell it that calls were recorded. Never waits."""
        process = self._process
        # A wake that is not read yet is enough.
        if process is not None and not process.stdin.transport.get_write_buffer_size():
            process.stdin.write(WAKE)

    def stop(self) -> None:
        """Ask it to finish its work in flight."""
        self._stopping.set()

    async def run(self) -> None:
        """Answer its requests for metrics, and start it again if it ends, until stopped."""
        stopping = asyncio.create_task(self._stopping.wait())
        pause = _FIRST_PAUSE_S
        try:
            while not self._stopping.is_set():
                began = asyncio.get_running_loop().time()
                try:
                    process = self._process or await self._start()
                except OSError as error:  # the system has no room for another process
                    log.error("back_process_not_started", error=str(error), again_in_s=pause)
                else:
                    ended = asyncio.create_task(process.answer())
                    await asyncio.wait([ended, stopping], return_when=asyncio.FIRST_COMPLETED)
                    if self._stopping.is_set():
                        process.finish()
                        await ended
                        return
                    self._process = None
                    if asyncio.get_running_loop().time() - began > _LONGEST_PAUSE_S:
                        pause = _FIRST_PAUSE_S
                    log.error("back_process_ended", code=process.code, again_in_s=pause)
                    process_restarts.inc()
                await asyncio.wait([stopping], timeout=pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
        finally:
            stopping.cancel()
            if self._process is not None:
                await self._process.kill()

    async def _start(self) -> _Running:
        self._process = _Running(
            await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE)
        )
        return self._process
