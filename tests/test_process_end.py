"""End of a process: in time despite a hanging thread, and with one log line for a defect."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.processes import environment

_PROGRAM = """
import os, threading, time
from app.main.process.start import start

class Secret:
    def __del__(self):
        raise KeyError("taro@example.com")

async def main(settings, url):
    {body}

start(main)
"""


def _ended(body: str, directory: Path) -> tuple[int, list[dict[str, Any]], float]:
    """Return the exit code, the log lines and the duration in seconds."""
    settings = environment(DATABASE_URL="postgresql://relay@127.0.0.1:1/relay")
    began = time.monotonic()
    repository = str(Path(__file__).parents[1])
    program = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(body=body)],
        cwd=directory,
        env=settings | {"PYTHONPATH": repository},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in program.stderr
    return (
        program.returncode,
        [json.loads(line) for line in program.stderr.splitlines()],
        time.monotonic() - began,
    )


def test_a_hanging_thread_does_not_delay_the_end(tmp_path: Path) -> None:
    code, lines, seconds = _ended(
        "threading.Thread(target=time.sleep, args=(50,), name='resolver_0').start()", tmp_path
    )
    assert (0, ["exit_forced"]) == (code, [line["event"] for line in lines])
    assert "resolver_0" in lines[0]["waiting_for"]
    assert 5 <= seconds < 30


def test_a_defect_ends_the_process_with_a_line_without_values(tmp_path: Path) -> None:
    code, [line], _ = _ended("raise ExceptionGroup('', [KeyError('taro@example.com')])", tmp_path)
    assert (1, "process_failed", "KeyError") == (code, line["event"], line["error"])
    assert "taro" not in json.dumps(line)


def test_defects_in_threads_and_finalizers_are_logged(tmp_path: Path) -> None:
    body = (
        "Secret(); "
        "thread = threading.Thread(target=int, args=('taro@example.com',), name='odd'); "
        "thread.start(); thread.join()"
    )
    code, lines, _ = _ended(body, tmp_path)
    assert (0, [("uncaught", "KeyError"), ("uncaught", "ValueError")]) == (
        code,
        [(line["event"], line["error"]) for line in lines],
    )
    assert "taro" not in json.dumps(lines)
