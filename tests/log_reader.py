"""Log reader like a log driver or `less`: it can stop reading, and it can exit."""

import array
import fcntl
import os
import signal
import subprocess
import termios
from typing import BinaryIO

_PIPE_BYTES = 4096
"""Smallest capacity of a pipe, so that a few lines fill it."""


class LogReader:
    """Runs `cat` from a pipe to a file. The process that logs gets the `writing` end."""

    def __init__(self, file: BinaryIO) -> None:
        self._reading, self.writing = os.pipe()
        fcntl.fcntl(self.writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._process = subprocess.Popen(["cat"], stdin=self._reading, stdout=file)

    def started(self) -> None:
        """Close our copy of the writing end."""
        os.close(self.writing)

    def stop_reading(self) -> None:
        """Stop reading, like a log driver that hangs."""
        self._process.send_signal(signal.SIGSTOP)

    def resume_reading(self) -> None:
        """Resume reading."""
        self._process.send_signal(signal.SIGCONT)

    def exit(self) -> None:
        """Exit and close the reading end."""
        self._process.kill()
        self._process.wait()
        os.close(self._reading)
        self._reading = -1

    def is_full(self) -> bool:
        """Return True when the pipe has no space for another line."""
        waiting = array.array("i", [0])
        fcntl.ioctl(self._reading, termios.FIONREAD, waiting)
        return waiting[0] > _PIPE_BYTES - 400

    def close(self) -> None:
        """Stop the reader."""
        if self._reading >= 0:
            self.exit()
