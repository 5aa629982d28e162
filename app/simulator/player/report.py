"""Report of a run: each call, and a summary of each scenario, as text and as JSON."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.simulator.player.caller import CallOutcome, CallVerdict


@dataclass(frozen=True, slots=True)
class PlayResult:
    """One try of one call: its scenario, its order, the `status` (ステータス) and the outcome."""

    scenario: str
    order_no: str
    status: str
    outcome: CallOutcome


@dataclass(frozen=True, slots=True)
class Summary:
    """Tries of one scenario: `calls` = `answered_200` + `mails` + `retries`.

    Latencies are in milliseconds, by nearest rank.
    """

    scenario: str
    calls: int
    answered_200: int
    mails: int
    retries: int
    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True)
class Report:
    """Every try of a run in the sequence of their ends, and the run's duration in seconds."""

    results: tuple[PlayResult, ...]
    duration_s: float

    @property
    def mails(self) -> int:
        """Return the number of CGI送信エラー通知 mails that Zeus would have sent."""
        return sum(result.outcome.verdict is CallVerdict.MAIL for result in self.results)

    @property
    def calls_per_s(self) -> float:
        """Return the calls per second."""
        return len(self.results) / self.duration_s

    @property
    def latest_start_s(self) -> float:
        """Return the longest delay of a start in seconds.

        With more than a few milliseconds the simulator was the bottleneck.
        """
        return max((result.outcome.late_s for result in self.results), default=0.0)

    def summaries(self) -> tuple[Summary, ...]:
        """Return a summary of each scenario, in the sequence of their first calls."""
        names = dict.fromkeys(result.scenario for result in self.results)
        return tuple(
            _summary(name, [result.outcome for result in self.results if result.scenario == name])
            for name in names
        )


def _summary(scenario: str, outcomes: Sequence[CallOutcome]) -> Summary:
    verdicts = [outcome.verdict for outcome in outcomes]
    latencies = sorted(outcome.latency_s * 1000 for outcome in outcomes)
    return Summary(
        scenario,
        calls=len(outcomes),
        answered_200=verdicts.count(CallVerdict.NOTHING),
        mails=verdicts.count(CallVerdict.MAIL),
        retries=verdicts.count(CallVerdict.RETRY),
        p50_ms=nearest_rank(latencies, 50),
        p99_ms=nearest_rank(latencies, 99),
        max_ms=latencies[-1],
    )


def nearest_rank(ascending: Sequence[float], percent: int) -> float:
    """Return the smallest value that `percent` % of the values do not exceed.

    The values must be sorted, and there must be one.
    """
    return ascending[max(0, math.ceil(len(ascending) * percent / 100) - 1)]


def line_of(result: PlayResult) -> str:
    """Return one try as a line: scenario, order, status, answer, latency, reaction of Zeus."""
    outcome = result.outcome
    answer = outcome.error if outcome.status is None else str(outcome.status)
    latency = f"{outcome.latency_s * 1000:>9.1f} ms"
    call = f"{result.scenario:<22}  {result.order_no}  {result.status}"
    return f"{call}  {answer:<11}  {latency}  {outcome.verdict}"


_HEADINGS = ("scenario", "calls", "200s", "mails", "retries", "p50 ms", "p99 ms", "max ms")


def table_of(summaries: Iterable[Summary]) -> str:
    """Return the summaries as an aligned table: names to the left, numbers to the right."""
    rows = [_HEADINGS, *map(_cells, summaries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        for row in rows
    )
    return "\n".join("  ".join(line) for line in lines)


def _cells(summary: Summary) -> tuple[str, ...]:
    counts = (summary.calls, summary.answered_200, summary.mails, summary.retries)
    latencies = (summary.p50_ms, summary.p99_ms, summary.max_ms)
    return (summary.scenario, *map(str, counts), *(f"{latency:.1f}" for latency in latencies))


def json_of(report: Report, seed: int) -> str:
    """Return the whole report as one JSON object.

    Its keys are `seed`, `duration_s`, `calls_per_s`, `latest_start_ms`, `calls` and `summary`.
    """
    whole = {
        "seed": seed,
        "duration_s": round(report.duration_s, 3),
        "calls_per_s": round(report.calls_per_s, 1),
        "latest_start_ms": round(report.latest_start_s * 1000, 3),
        "calls": [_call_entry(result) for result in report.results],
        "summary": [_summary_entry(summary) for summary in report.summaries()],
    }
    return json.dumps(whole, ensure_ascii=False, indent=2)


def _call_entry(result: PlayResult) -> Mapping[str, object]:
    outcome = result.outcome
    return {
        "scenario": result.scenario,
        "order_no": result.order_no,
        "status": result.status,
        "answer": outcome.status,
        "error": outcome.error,
        "latency_ms": round(outcome.latency_s * 1000, 3),
        "zeus": outcome.verdict.value,
    }


def _summary_entry(summary: Summary) -> Mapping[str, object]:
    return {
        "scenario": summary.scenario,
        "calls": summary.calls,
        "200s": summary.answered_200,
        "mails": summary.mails,
        "retries": summary.retries,
        "p50_ms": round(summary.p50_ms, 3),
        "p99_ms": round(summary.p99_ms, 3),
        "max_ms": round(summary.max_ms, 3),
    }
