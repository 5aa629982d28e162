"""Format of log lines."""

import json
import subprocess
import sys

import pytest

_PROGRAM = """
from uuid import UUID
from app.logs import configure_logs, get_logger
configure_logs("INFO", {style!r})
get_logger("test").info("call_recorded", notice_id=UUID(int=7), count=3)
"""


def logged(style: str) -> str:
    """Return the log line of a new process, since logging is set up per process."""
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(style=style)],
        capture_output=True,
        text=True,
        check=True,
    ).stderr


def test_an_id_is_logged_as_text() -> None:
    line = json.loads(logged("json"))
    assert (line["notice_id"], line["count"], line["event"]) == (
        "00000000-0000-0000-0000-000000000007",
        3,
        "call_recorded",
    )


@pytest.mark.parametrize("style", ["json", "text"])
def test_no_line_shows_the_repr_of_an_id(style: str) -> None:
    assert "UUID" not in logged(style)
    assert "00000000-0000-0000-0000-000000000007" in logged(style)
