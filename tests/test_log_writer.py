"""The queue of log lines and its thread, on real pipes: nothing waits, what is lost is counted and told."""

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
    """A pipe that holds a page; what is lost on the way into it is counted."""

    def __init__(self, limit: int = 2_000) -> None:
        self.reading, self.writing = os.pipe()
        fcntl.fcntl(self.writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.lost = 0
        self.told: list[int] = []
        self.writer = LogWriter(
            self.writing, limit=limit, on_drop=self._count, on_room=self.told.append
        )

    def _count(self) -> None:
        self.lost += 1

    def fill(self) -> None:
        """Leave no room in the pipe."""
        assert PIPE_BYTES == os.write(self.writing, b"f" * PIPE_BYTES)

    def read(self, count: int) -> bytes:
        """So many bytes, once they are there."""
        data = b""
        while len(data) < count:
            data += os.read(self.reading, count - len(data))
        return data


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe whose writer's thread is gone at the end."""
    made = Pipe()
    yield made
    made.writer.stop()
    os.close(made.reading)  # a thread that waits for a reader fails now
    time.sleep(0.05)
    os.close(made.writing)


def _until(done: object, patience: float = 5.0) -> None:
    deadline = time.monotonic() + patience
    while not done():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_lines_arrive_in_their_order(pipe: Pipe) -> None:
    for number in range(100):
        pipe.writer.put(b"%03d\n" % number)
    assert [b"%03d" % number for number in range(100)] == pipe.read(400).splitlines()
    assert pipe.writer.flush(5)
    assert (0, []) == (pipe.lost, pipe.told)


def test_a_reader_that_stops_costs_lines_and_no_time(pipe: Pipe) -> None:
    pipe.fill()
    began = time.monotonic()
    for _ in range(1_000):
        pipe.writer.put(LINE)
    assert time.monotonic() - began < 1
    assert (980, []) == (pipe.lost, pipe.told)
    began = time.monotonic()
    assert not pipe.writer.flush(0.2)
    assert 0.2 <= time.monotonic() - began < 1


def test_the_number_of_lost_lines_is_told_once_there_is_room(pipe: Pipe) -> None:
    pipe.fill()
    for _ in range(200):
        pipe.writer.put(LINE)
    assert 180 == pipe.lost
    pipe.read(PIPE_BYTES)
    assert LINE * 20 == pipe.read(20 * len(LINE))
    _until(lambda: pipe.told)
    pipe.writer.put(LINE)
    assert LINE == pipe.read(len(LINE))
    assert pipe.writer.flush(5)
    assert [180] == pipe.told


def test_a_descriptor_that_does_not_block_loses_nothing(pipe: Pipe) -> None:
    os.set_blocking(pipe.writing, False)
    lines = b"".join(b"%0199d\n" % number for number in range(25))  # more than the pipe holds
    for line in lines.splitlines(keepends=True):
        pipe.writer.put(line)
        time.sleep(0.005)
    assert not pipe.writer.flush(0.1)
    assert lines == pipe.read(len(lines))
    assert pipe.writer.flush(5)
    assert 0 == pipe.lost


def test_a_reader_that_is_gone_costs_each_line(pipe: Pipe) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, pipe.reading)
    os.close(null)
    for _ in range(5):
        pipe.writer.put(LINE)
    assert pipe.writer.flush(5)
    assert (5, []) == (pipe.lost, pipe.told)


def test_a_line_torn_by_a_full_disk_does_not_spoil_the_next(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A limit on the size of files stands for a disk that fills in the middle of a line."""
    program = """
import os, resource, signal, sys
from app.log_writer import LogWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
lost, told = [], []
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
writer = LogWriter(fd, on_drop=lambda: lost.append(1), on_room=told.append)
resource.setrlimit(resource.RLIMIT_FSIZE, (15, resource.RLIM_INFINITY))
for line in (b"whole line\\n", b"torn line\\n", b"lost line\\n"):
    writer.put(line)
assert writer.flush(5)
assert (2, []) == (len(lost), told)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
writer.put(b"whole again\\n")
assert writer.flush(5)
assert [2] == told
"""
    file = tmp_path_factory.mktemp("log") / "file"
    subprocess.run([sys.executable, "-c", program, file], check=True, timeout=20)
    assert b"whole line\ntorn\nwhole again\n" == file.read_bytes()


def test_a_child_process_writes_its_own_lines_and_no_line_twice(pipe: Pipe) -> None:
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
    """A value that logs while its text is made, as a finalizer can at any time."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def __str__(self) -> str:
        self._logger.warning("inner")
        return "outer"


class Broken:
    """A value that has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_logging_within_logging_and_a_value_without_text_end_nothing(pipe: Pipe) -> None:
    logger = logging.Logger("test")
    logger.addHandler(QueuedHandler(pipe.writer, "ascii"))
    logger.warning("%s", LogsItself(logger))
    logger.warning("%s", Broken())
    logger.warning("入金")
    assert b"inner\nouter\n\\u5165\\u91d1\n" == pipe.read(25)
    assert 1 == pipe.lost
