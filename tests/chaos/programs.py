"""Programs of the system that a line needs."""

import os
import shutil
from pathlib import Path

_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


_FAKETIME = "*/faketime/libfaketimeMT.so.1"


class ProgramMissing(Exception):
    """A program is not installed; the text names it."""


def program(name: str) -> str:
    """Return the path of an installed program. Raise ProgramMissing."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise ProgramMissing(f"{name} is not installed")
    return found


def with_clock(days: int) -> list[str]:
    """Return the prefix of a command whose clock is wrong by `days`.

    Its monotonic clock stays right. Raise ProgramMissing.
    """
    found = next(Path("/usr/lib").glob(_FAKETIME), None)
    if found is None:
        raise ProgramMissing("libfaketime is not installed")
    return [
        program("env"),
        f"LD_PRELOAD={found}",
        f"FAKETIME={days:+}d",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
    ]
