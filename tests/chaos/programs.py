"""The programs of the system that a line needs."""

import os
import shutil

_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


class ProgramMissing(Exception):
    """A program is not installed; the text names it."""


def program(name: str) -> str:
    """The path of an installed program. Raises ProgramMissing."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise ProgramMissing(f"{name} is not installed")
    return found
