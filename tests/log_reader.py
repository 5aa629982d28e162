"""The reader of a process's log, as a log driver or `less` is one: it can stop reading, and it can go away."""

import array
import fcntl
import os
import signal
import subprocess
import termios
from typing import BinaryIO

_PIPE_BYTES = 4096
"""As little as a pipe can hold, so that a few lines fill it."""


class LogReader:
    """`cat` behind a pipe, whose `writing` end is for the process that logs; it writes what it reads to a file."""

    def __init__(self, file: BinaryIO) -> None:
        self._reading, self.writing = os.pipe()
        fcntl.fcntl(self.writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._process = subprocess.Popen(["cat"], stdin=self._reading, stdout=file)

    def started(self) -> None:
        """Leave the writing end to the process alone."""
        os.close(self.writing)

    def stop_reading(self) -> None:
        """Stop, as a log driver that hangs."""
        self._process.send_signal(signal.SIGSTOP)

    def read_on(self) -> None:
        """Read what has been waiting."""
        self._process.send_signal(signal.SIGCONT)

    def go_away(self) -> None:
        """Leave a pipe that nobody will ever read."""
        self._process.kill()
        self._process.wait()
        os.close(self._reading)
        self._reading = -1

    def is_full(self) -> bool:
        """Whether the pipe has no room for another line."""
        waiting = array.array("i", [0])
        fcntl.ioctl(self._reading, termios.FIONREAD, waiting)
        return waiting[0] > _PIPE_BYTES - 400

    def close(self) -> None:
        """Leave nothing running."""
        if self._reading >= 0:
            self.go_away()
