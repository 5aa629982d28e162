"""Log queue and its thread on real pipes: no caller waits, and lost lines are counted."""

import fcntl
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from app.log_writer import LogWriter, QueuedHandler

PIPE_BYTES = 4096
LINE = b"x" * 99 + b"\n"


class Pipe:
    """A pipe of one page with a writer; lost lines are counted."""

    def __init__(self, limit: int = 2_000) -> None:
        self.reading, self.writing = os.pipe()
        fcntl.fcntl(self.writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.lost = 0
        self.reported: list[int] = []
        self.writer = LogWriter(
            self.writing, limit=limit, on_drop=self._count, on_room=self.reported.append
        )

    def _count(self) -> None:
        self.lost += 1

    def fill(self) -> None:
        """Fill the pipe."""
        assert PIPE_BYTES == os.write(self.writing, b"f" * PIPE_BYTES)

    def read(self, count: int) -> bytes:
        """Wait for `count` bytes and return them."""
        data = b""
        while len(data) < count:
            data += os.read(self.reading, count - len(data))
        return data


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """Yield a pipe; the writer's thread ends with the test."""
    new_pipe = Pipe()
    yield new_pipe
    new_pipe.writer.stop()
    os.close(new_pipe.reading)  # a thread that waits for a reader fails now
    time.sleep(0.05)
    os.close(new_pipe.writing)


def _until(done: object, patience: float = 5.0) -> None:
    deadline = time.monotonic() + patience
    while not done():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_lines_are_written_in_order(pipe: Pipe) -> None:
    for number in range(100):
        pipe.writer.put(b"%03d\n" % number)
    assert [b"%03d" % number for number in range(100)] == pipe.read(400).splitlines()
    assert pipe.writer.flush(5)
    assert (0, []) == (pipe.lost, pipe.reported)


def test_a_stuck_reader_costs_lines_and_no_time(pipe: Pipe) -> None:
    pipe.fill()
    began = time.monotonic()
    for _ in range(1_000):
        pipe.writer.put(LINE)
    assert time.monotonic() - began < 1
    assert (980, []) == (pipe.lost, pipe.reported)
    began = time.monotonic()
    assert not pipe.writer.flush(0.2)
    assert 0.2 <= time.monotonic() - began < 1


def test_lost_lines_are_reported_when_the_queue_has_space(pipe: Pipe) -> None:
    pipe.fill()
    for _ in range(200):
        pipe.writer.put(LINE)
    assert 180 == pipe.lost
    pipe.read(PIPE_BYTES)
    assert LINE * 20 == pipe.read(20 * len(LINE))
    _until(lambda: pipe.reported)
    pipe.writer.put(LINE)
    assert LINE == pipe.read(len(LINE))
    assert pipe.writer.flush(5)
    assert [180] == pipe.reported


def test_a_non_blocking_descriptor_loses_nothing(pipe: Pipe) -> None:
    os.set_blocking(pipe.writing, False)
    lines = b"".join(b"%0199d\n" % number for number in range(25))  # more than the pipe holds
    for line in lines.splitlines(keepends=True):
        pipe.writer.put(line)
        time.sleep(0.005)
    assert not pipe.writer.flush(0.1)
    assert lines == pipe.read(len(lines))
    assert pipe.writer.flush(5)
    assert 0 == pipe.lost


def test_every_line_is_lost_without_a_reader(pipe: Pipe) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, pipe.reading)
    os.close(null)
    for _ in range(5):
        pipe.writer.put(LINE)
    assert pipe.writer.flush(5)
    assert (5, []) == (pipe.lost, pipe.reported)


def test_the_line_after_a_torn_one_is_whole(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Simulate a disk that fills in the middle of a line by a limit on file size."""
    program = """
import os, resource, signal, sys
from app.log_writer import LogWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
lost, reported = [], []
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
writer = LogWriter(fd, on_drop=lambda: lost.append(1), on_room=reported.append)
resource.setrlimit(resource.RLIMIT_FSIZE, (15, resource.RLIM_INFINITY))
for line in (b"whole line\\n", b"torn line\\n", b"lost line\\n"):
    writer.put(line)
assert writer.flush(5)
assert (2, []) == (len(lost), reported)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
writer.put(b"whole again\\n")
assert writer.flush(5)
assert [2] == reported
"""
    file = tmp_path_factory.mktemp("log") / "file"
    subprocess.run([sys.executable, "-c", program, file], check=True, timeout=20)
    assert b"whole line\ntorn\nwhole again\n" == file.read_bytes()


def test_a_child_process_writes_only_its_own_lines(pipe: Pipe) -> None:
    pipe.writer.put(b"before\n")
    assert pipe.writer.flush(5)
    child = os.fork()
    if child == 0:
        pipe.writer.put(b"child\n")
        os._exit(0 if pipe.writer.flush(5) else 1)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    pipe.writer.put(b"after\n")
    assert b"before\nchild\nafter\n" == pipe.read(19)


class LogsItself:
    """A value that logs during its own formatting, as a finalizer can at any time."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def __str__(self) -> str:
        self._logger.warning("inner")
        return "outer"


class Broken:
    """A value whose formatting fails."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_logging_survives_reentry_and_a_failing_value(pipe: Pipe) -> None:
    logger = logging.Logger("test")
    logger.addHandler(QueuedHandler(pipe.writer, "ascii"))
    logger.warning("%s", LogsItself(logger))
    logger.warning("%s", Broken())
    logger.warning("入金")
    assert b"inner\nouter\n\\u5165\\u91d1\n" == pipe.read(25)
    assert 1 == pipe.lost
