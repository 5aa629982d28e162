"""Caller, a process of its own for honest latencies: play Zeus at a constant rate.

It never repeats a failed call. It reads one line of JSON, a Job, calls until its input ends, and
writes one line of JSON for every call.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from app.simulator.player.orders import build_run
from app.simulator.player.play import play, play_at_rate
from app.simulator.player.report import Report
from app.simulator.player.scenarios import SCENARIOS, Scenario
from app.simulator.player.target import target_of

_ROUND_S = 3.0
"""Seconds of a round: all its orders are accepted, then all are paid, then each is confirmed or
paid again."""
_AT_ONCE_ORDERS = 200
"""Orders of each scenario in a round of a load without a rate."""
_PLAYED = (SCENARIOS["usual"], SCENARIOS["after-timeout"])
_SILENCE = SCENARIOS["silence"]
_PAID_LATE = tuple(
    replace(turn, changes=_SILENCE.turns[0].changes) for turn in SCENARIOS["usual"].turns
)
_LATE = (
    _SILENCE,
    replace(SCENARIOS["usual"], turns=_PAID_LATE),
    SCENARIOS["after-timeout"],
)
"""An order that expires, one that is paid and confirmed after its deadline, one never confirmed."""


@dataclass(frozen=True, slots=True)
class Job:
    """Call each of `urls` for its share of `rate` calls a second, for at least `seconds`.

    `late`: the deadlines of many orders are over. `at_once`: call as fast as answers come, with
    `rate` calls in flight.
    """

    urls: list[str]
    rate: float
    seconds: float
    seed: int
    late: bool = False
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Result of one call, times in seconds.

    `status` is HTTP's, or None without an answer; then `error` holds the reason.
    """

    order_no: str
    zeus_status: str
    status: int | None
    error: str | None
    latency_s: float
    late_s: float


async def main() -> None:
    """Run the job on stdin."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    job = Job(**json.loads(await reader.readline()))
    over = asyncio.create_task(reader.read())
    if job.at_once:
        _print(await _play_at_once(job))
        return
    started, number = loop.time(), 0
    rounds: list[asyncio.Task[Report]] = []
    while loop.time() - started < job.seconds or not over.done():
        for share, url in enumerate(job.urls):
            rounds.append(
                asyncio.create_task(
                    _play(
                        url,
                        job.rate / len(job.urls),
                        job.seed + number * len(job.urls) + share,
                        _LATE if job.late else _PLAYED,
                    )
                )
            )
        number += 1
        # The next round starts on time, even if answers of this one are outstanding.
        await asyncio.sleep(started + number * _ROUND_S - loop.time())
    _print(await asyncio.gather(*rounds))


async def _play_at_once(job: Job) -> list[Report]:
    """Play rounds of orders one after the other, until the time is over."""
    ends = asyncio.get_running_loop().time() + job.seconds
    reports: list[Report] = []
    while asyncio.get_running_loop().time() < ends:
        orders = build_run(_PLAYED, _AT_ONCE_ORDERS, job.seed + len(reports))
        url = job.urls[len(reports) % len(job.urls)]
        reports.append(await play(target_of(url), orders, connections=round(job.rate)))
    return reports


def _print(reports: Sequence[Report]) -> None:
    for report in reports:
        for result in report.results:
            outcome = result.outcome
            answer = Answer(
                result.order_no,
                result.status,
                outcome.status,
                outcome.error,
                outcome.latency_s,
                outcome.late_s,
            )
            print(json.dumps(asdict(answer)))


async def _play(url: str, rate: float, seed: int, played: Sequence[Scenario]) -> Report:
    calls = sum(len(scenario.turns) for scenario in played)
    orders = build_run(played, round(rate * _ROUND_S / calls), seed)
    return await play_at_rate(
        target_of(url), orders, sum(len(order.calls) for order in orders) / _ROUND_S
    )


if __name__ == "__main__":
    asyncio.run(main())
