"""Environment of the procrastinate baseline: made on first use, from hashed requirements."""

import asyncio
import hashlib
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent / "procrastinate"
PROGRAM = str(HERE / "deliver.py")


class NoEnvironment(Exception):
    """The environment could not be made; the text holds the end of pip's output."""


async def baseline_python() -> str:
    """Return the interpreter of the environment. Raise NoEnvironment."""
    directory = _directory()
    python = directory / "bin" / "python"
    complete = directory / "complete"
    if not complete.exists():
        await _run(sys.executable, "-m", "venv", "--clear", str(directory))
        requirements = str(HERE / "requirements.txt")
        await _run(
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
            "-r",
            requirements,
        )
        complete.touch()
    return str(python)


def _directory() -> Path:
    """Return a directory for this lock and Python: a changed lock gets a new environment."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    lock = hashlib.sha256((HERE / "requirements.txt").read_bytes()).hexdigest()[:12]
    return (
        cache
        / "zeus-relay-bench"
        / f"procrastinate-{lock}-py{sys.version_info.major}.{sys.version_info.minor}"
    )


async def _run(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise NoEnvironment(output.decode(errors="replace")[-2_000:])
