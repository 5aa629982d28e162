"""Traffic: run the load generator and read its results."""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass

from bench.load import PATIENCE_S, Job


class CallsFailed(Exception):
    """Some calls were not answered 200, so the figures of this run are useless."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Results of a load generator.

    They are: answers with 200, the seconds from the first to the last, latencies, and the time at
    which each call was due. Only `answers_in_all` counts those of the warm-up too.
    """

    answers: int
    answers_in_all: int
    seconds: float
    problems: dict[str, int]
    sent: dict[str, float]
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float

    @property
    def per_s(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds


async def play(job: Job) -> Traffic:
    """Run `job` in a process of its own. Raise CallsFailed unless every call was answered 200."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.load",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    patience = job.warm_up_s + job.seconds + PATIENCE_S + 10
    try:
        output, _ = await asyncio.wait_for(
            process.communicate(json.dumps(asdict(job)).encode()), patience
        )
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    traffic = Traffic(**json.loads(output))
    if traffic.problems or not traffic.answers:
        raise CallsFailed(f"{traffic.problems} beside {traffic.answers} good answers")
    return traffic
