"""Process of the caller: start it, end its load, and read its results."""

import asyncio
import json
import secrets
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.chaos.load import Answer, Job

ROOT = Path(__file__).resolve().parents[2]
_LAST_ANSWERS_S = 60.0
"""The caller waits for answers as long as Zeus, 40 s after its last call."""


class Caller:
    """A load that has begun."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        assert process.stdout
        self._output = asyncio.create_task(
            process.stdout.read()
        )  # from now on, so that the pipe cannot fill up

    @classmethod
    async def start(
        cls,
        urls: Sequence[str],
        rate: float,
        seconds: float,
        *,
        late: bool = False,
        at_once: bool = False,
    ) -> "Caller":
        """Begin to call; see Job."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.chaos.load",
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin
        job = Job(list(urls), rate, seconds, secrets.randbelow(2**32), late, at_once)
        process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
        return cls(process)

    async def finish(self, seconds: float) -> list[Answer]:
        """End the load, but not before its `seconds` are over. Return every answer."""
        assert self._process.stdin
        self._process.stdin.close()
        async with asyncio.timeout(seconds + _LAST_ANSWERS_S):
            output = await self._output
            code = await self._process.wait()
        if code:
            raise RuntimeError(f"the caller ended with {code}")
        return [Answer(**json.loads(line)) for line in output.splitlines()]

    async def close(self) -> None:
        """Stop the process."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._output.cancel()
