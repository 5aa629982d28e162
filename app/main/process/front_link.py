"""Link of the second process of a command to the first one: two pipes, its standard streams."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from app.logs import get_logger
from app.main.process.back_process import METRICS, METRICS_WANTED, READY, STOP, WAKE
from app.main.process.metrics_exchange import exposition_with
from app.metrics import exposition

_PATIENCE_S = 1.0
"""Longest wait for the other process's metrics; without them a scrape shows this one's alone."""
_PR_SET_PDEATHSIG = 1
_METRICS_WORD = METRICS.split()[0]
_FAILED = 1

log = get_logger("main")


class FrontLink:
    """Takes wakes, metrics and the stop from the first process, whose end ends this one at once.

    Signals that ask for a stop or a reload are ignored: the first process gets them too.
    """

    def __init__(self) -> None:
        """Take the standard streams: what is printed from now on goes to standard error."""
        for name in ("SIGTERM", "SIGINT", "SIGHUP"):
            if hasattr(signal, name):  # Windows has no SIGHUP
                signal.signal(getattr(signal, name), signal.SIG_IGN)
        self._output = os.dup(1)
        with suppress(OSError):  # standard error may be closed
            os.dup2(2, 1)
        self._loop = asyncio.get_running_loop()
        self._wanted: Future[bytes] | None = None
        self._reading: asyncio.Task[None] | None = None
        self.stopping = asyncio.Event()
        _end_with_parent()

    async def open(self, *, on_wake: Callable[[], None]) -> None:
        """Say that this process is ready; from now on call `on_wake` for each wake."""
        reader = asyncio.StreamReader()
        await self._loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        self._reading = asyncio.create_task(self._read(reader, on_wake))
        self._send(READY)

    def exposition(self) -> bytes:
        """Return the metrics of both processes. Blocks for a moment: call it in a thread."""
        wanted: Future[bytes] = Future()
        self._wanted = wanted
        self._loop.call_soon_threadsafe(self._send, METRICS_WANTED)
        with suppress(TimeoutError):
            return exposition_with(wanted.result(_PATIENCE_S))
        return exposition()

    def _send(self, line: bytes) -> None:
        with suppress(OSError):
            os.write(self._output, line)

    async def _read(self, reader: asyncio.StreamReader, on_wake: Callable[[], None]) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            while line := await reader.readline():
                if line == WAKE:
                    on_wake()
                elif line == STOP:
                    self.stopping.set()
                elif line.startswith(_METRICS_WORD):
                    samples = await reader.readexactly(int(line.split()[1]))
                    if self._wanted is not None:
                        self._wanted.set_result(samples)
                        self._wanted = None
        os._exit(_FAILED)


def _end_with_parent() -> None:
    """Have Linux kill this process when its parent ends: a blocked loop would not see it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
