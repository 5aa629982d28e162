"""A bounded queue of log lines and the thread that writes them, so that a stuck log reader blocks no call."""

import logging
import os
import select
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

QUEUE_BYTES = 4 * 1024**2
"""How many bytes of lines may wait."""
FLUSH_SECONDS = 2.0
"""How long the end of the process waits for the lines that are left."""
_POLL_MS = 1_000

_Item = bytes | threading.Event | None


class LogWriter:
    """Writes lines to a file descriptor from a thread of its own; drops and counts what does not fit.

    One thread at a time may call `put` and `drop`, which `logging.Handler` ensures. They take no lock
    for which a finalizer could wait, and never wait for the descriptor.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        limit: int = QUEUE_BYTES,
        on_drop: Callable[[], None],
        on_room: Callable[[int], None],
    ) -> None:
        """Tell `on_drop` of each lost line, and `on_room` of their number when there is room again."""
        self._descriptor = descriptor
        self._limit = limit
        self._on_drop = on_drop
        self._on_room = on_room
        self._begin()
        begin = weakref.WeakMethod(self._begin)
        os.register_at_fork(after_in_child=lambda: (method := begin()) and method())

    def _begin(self) -> None:
        """Start with an empty queue and no thread; the parent of a fork writes what waited before it."""
        self._lines: SimpleQueue[_Item] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._put_bytes = self._taken_bytes = (
            0  # one side changes each, so that neither needs a lock
        )
        self._refused = self._unwritten = self._told = 0
        self._torn = False

    @property
    def has_room(self) -> bool:
        """Return whether the queue takes another line."""
        return self._put_bytes - self._taken_bytes < self._limit

    def put(self, line: bytes) -> None:
        """Queue a line, which ends with a line feed, or drop it."""
        if not self.has_room or not self._is_running():
            self.drop()
            return
        self._put_bytes += len(line)
        self._lines.put(line)

    def drop(self) -> None:
        """Count a line that is not queued."""
        self._refused += 1
        self._on_drop()

    def flush(self, seconds: float) -> bool:
        """Wait for at most `seconds` until all is written, and return whether it is."""
        if self._thread is None:
            return True
        written = threading.Event()
        self._lines.put(written)
        return written.wait(seconds)

    def stop(self) -> None:
        """Let the thread end when all is written. A later line starts another one."""
        if self._thread is not None:
            self._lines.put(None)
            self._thread = None

    def _is_running(self) -> bool:
        if self._thread is None:
            thread = threading.Thread(
                target=self._run, args=(self._lines,), name="log", daemon=True
            )
            with suppress(RuntimeError):  # the system has no room for another thread
                thread.start()
                self._thread = thread
        return self._thread is not None

    def _run(self, lines: SimpleQueue[_Item]) -> None:
        while (item := lines.get()) is not None:
            if isinstance(item, threading.Event):
                item.set()
                continue
            written = self._write(item)
            self._taken_bytes += len(item)
            if written:
                self._tell_losses()

    def _write(self, line: bytes) -> bool:
        data = b"\n" + line if self._torn else line
        done = 0
        while done < len(data):
            try:
                done += os.write(self._descriptor, data[done:])
            except BlockingIOError:  # the parent process made the descriptor so
                _wait_for_room(self._descriptor)
            except OSError:  # the disk is full, or the reader is gone
                break
        if done:
            self._torn = data[done - 1 : done] != b"\n"
        if done < len(data):
            self._unwritten += 1
            self._on_drop()
        return done == len(data)

    def _tell_losses(self) -> None:
        """Say how many lines are lost, once a line is written again and half of the queue is free."""
        lost = self._refused + self._unwritten - self._told
        if lost and self._put_bytes - self._taken_bytes <= self._limit // 2:
            self._told += lost
            self._on_room(lost)


class QueuedHandler(logging.Handler):
    """Formats each record where it is logged, and leaves the writing to a LogWriter."""

    def __init__(self, writer: LogWriter, encoding: str) -> None:
        """Write through `writer`, encoded as `encoding`; what that cannot express is escaped."""
        super().__init__()
        self._writer = writer
        self._encoding = encoding

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record's line. One that cannot be formatted counts as lost."""
        if not self._writer.has_room:
            self._writer.drop()
            return
        try:
            line = f"{self.format(record)}\n".encode(self._encoding, "backslashreplace")
        except Exception:  # whatever a value's text raises: a line must not end what it tells of
            self._writer.drop()
            return
        self._writer.put(line)

    def wait(self, seconds: float) -> bool:
        """Wait for at most `seconds` until all is written, and return whether it is.

        `flush` does nothing: `logging` calls it with the lock held that the thread may need meanwhile.
        """
        return self._writer.flush(seconds)

    def close(self) -> None:
        """Let the thread end."""
        self._writer.stop()
        super().close()


def _wait_for_room(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    poll.poll(_POLL_MS)
