"""Bounded queue of log lines and the thread that writes them.

A stuck log reader therefore blocks no call.
"""

import logging
import os
import select
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

QUEUE_BYTES = 4 * 1024**2
"""Limit of waiting lines, in bytes."""
FLUSH_SECONDS = 2.0
"""Time for which the process waits at its end for the remaining lines."""
_POLL_MS = 1_000

_Item = bytes | threading.Event | None


class LogWriter:
    """Writes lines to a file descriptor in its own thread; drops and counts lines beyond the limit.

    One thread at a time may call `put` and `drop`, which `logging.Handler` ensures. They take no
    lock that a finalizer could wait for, and never wait for the descriptor.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        limit: int = QUEUE_BYTES,
        on_drop: Callable[[], None],
        on_room: Callable[[int], None],
    ) -> None:
        """Call `on_drop` for each lost line.

        Call `on_room` with the number of lost lines when lines can be written again.
        """
        self._descriptor = descriptor
        self._limit = limit
        self._on_drop = on_drop
        self._on_room = on_room
        self._begin()
        begin = weakref.WeakMethod(self._begin)
        os.register_at_fork(after_in_child=lambda: (method := begin()) and method())

    def _begin(self) -> None:
        """Start with an empty queue and no thread.

        After a fork, the parent writes the lines that waited before it.
        """
        self._lines: SimpleQueue[_Item] = SimpleQueue()
        self._thread: threading.Thread | None = None
        # Each is changed by one thread only, so no lock is needed.
        self._put_bytes = self._taken_bytes = 0
        self._rejected = self._unwritten = self._reported = 0
        self._torn = False

    @property
    def has_room(self) -> bool:
        """Return True when the queue accepts another line."""
        return self._put_bytes - self._taken_bytes < self._limit

    def put(self, line: bytes) -> None:
        """Queue a line that ends with a line feed, or drop it."""
        if not self.has_room or not self._is_running():
            self.drop()
            return
        self._put_bytes += len(line)
        self._lines.put(line)

    def drop(self) -> None:
        """Count a line that is not queued."""
        self._rejected += 1
        self._on_drop()

    def flush(self, seconds: float) -> bool:
        """Wait at most `seconds` until all lines are written; return True when they are."""
        if self._thread is None:
            return True
        written = threading.Event()
        self._lines.put(written)
        return written.wait(seconds)

    def stop(self) -> None:
        """End the thread after the last line. A later line starts another thread."""
        if self._thread is not None:
            self._lines.put(None)
            self._thread = None

    def _is_running(self) -> bool:
        if self._thread is None:
            thread = threading.Thread(
                target=self._run, args=(self._lines,), name="log", daemon=True
            )
            with suppress(RuntimeError):  # the system has no more threads
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
                self._report_losses()

    def _write(self, line: bytes) -> bool:
        data = b"\n" + line if self._torn else line
        done = 0
        while done < len(data):
            try:
                done += os.write(self._descriptor, data[done:])
            except BlockingIOError:  # the parent process made the descriptor non-blocking
                _wait_for_room(self._descriptor)
            except OSError:  # the disk is full, or the reader is gone
                break
        if done:
            self._torn = data[done - 1 : done] != b"\n"
        if done < len(data):
            self._unwritten += 1
            self._on_drop()
        return done == len(data)

    def _report_losses(self) -> None:
        """Report the lost lines after a line is written again and half of the queue is free."""
        lost = self._rejected + self._unwritten - self._reported
        if lost and self._put_bytes - self._taken_bytes <= self._limit // 2:
            self._reported += lost
            self._on_room(lost)


class QueuedHandler(logging.Handler):
    """Formats each record in the thread that logs it; a LogWriter writes the line."""

    def __init__(self, writer: LogWriter, encoding: str) -> None:
        """Write lines in `encoding` to `writer`; other characters are escaped."""
        super().__init__()
        self._writer = writer
        self._encoding = encoding

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record's line. A record that cannot be formatted counts as lost."""
        if not self._writer.has_room:
            self._writer.drop()
            return
        try:
            line = f"{self.format(record)}\n".encode(self._encoding, "backslashreplace")
        except (
            Exception
        ):  # the text of a value may raise anything; logging must not fail its caller
            self._writer.drop()
            return
        self._writer.put(line)

    def wait(self, seconds: float) -> bool:
        """Wait at most `seconds` until all lines are written; return True when they are.

        `flush` does nothing: `logging` calls it while it holds a lock that the thread may need.
        """
        return self._writer.flush(seconds)

    def close(self) -> None:
        """End the thread."""
        self._writer.stop()
        super().close()


def _wait_for_room(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    poll.poll(_POLL_MS)
