"""The programs of the system that a line needs."""

import os
import shutil
from pathlib import Path

_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


_FAKETIME = "*/faketime/libfaketimeMT.so.1"


class ProgramMissing(Exception):
    """A program is not installed; the text names it."""


def program(name: str) -> str:
    """The path of an installed program. Raises ProgramMissing."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise ProgramMissing(f"{name} is not installed")
    return found


def with_clock(days: int) -> list[str]:
    """Return the command that gives a process a clock that is wrong by `days`; its monotonic clock stays right. Raises ProgramMissing."""
    found = next(Path("/usr/lib").glob(_FAKETIME), None)
    if found is None:
        raise ProgramMissing("libfaketime is not installed")
    return [
        program("env"),
        f"LD_PRELOAD={found}",
        f"FAKETIME={days:+}d",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
    ]
