"""Peak memory of a command.

The kernel counts the memory of the process that forks as the child's, so a test process that has
grown must not start the command itself: a small process does, and writes down what it saw.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

_MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
with open(sys.argv[1], "w") as file:
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=file)
sys.exit(code)
"""


def measured(file: Path, command: Sequence[str | Path]) -> list[str]:
    """Return a command that runs `command` and writes its peak memory to `file`."""
    return [sys.executable, "-S", "-c", _MEASURE, str(file), *map(str, command)]


def peak_mib(file: Path) -> int:
    """Return the peak memory in MiB that a measured command wrote to `file`."""
    return int(file.read_text()) // 1024
