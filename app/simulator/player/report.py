"""What a run found out, call by call and summed up per scenario, as text and as JSON."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.simulator.player.caller import CallOutcome, CallVerdict


@dataclass(frozen=True, slots=True)
class PlayResult:
    """One try of one call: the scenario and order it belongs to, the `status` (ステータス) it reported, and its outcome."""

    scenario: str
    order_no: str
    status: str
    outcome: CallOutcome


@dataclass(frozen=True, slots=True)
class Summary:
    """The tries of one scenario: `calls` = `answered_200` + `mails` + `retries`; latencies in milliseconds, nearest rank."""

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
    """Every try of a run in the order they ended, and how long the run took in seconds."""

    results: tuple[PlayResult, ...]
    duration_s: float

    @property
    def mails(self) -> int:
        """How many CGI送信エラー通知 mails Zeus would have sent."""
        return sum(result.outcome.verdict is CallVerdict.MAIL for result in self.results)

    @property
    def calls_per_s(self) -> float:
        """How many calls the run made per second."""
        return len(self.results) / self.duration_s

    @property
    def latest_start_s(self) -> float:
        """By how many seconds the most delayed call missed its schedule: beyond a few ms, the simulator was the bottleneck."""
        return max((result.outcome.late_s for result in self.results), default=0.0)

    def summaries(self) -> tuple[Summary, ...]:
        """One summary for each scenario, in the order in which they first appear."""
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
    """The smallest of the values, which must be sorted and not empty, that `percent` % of them do not exceed."""
    return ascending[max(0, math.ceil(len(ascending) * percent / 100) - 1)]


def line_of(result: PlayResult) -> str:
    """One try as a line of text: scenario, order, status, answer, latency, what Zeus would do."""
    outcome = result.outcome
    answer = outcome.error if outcome.status is None else str(outcome.status)
    return f"{result.scenario:<22}  {result.order_no}  {result.status}  {answer:<11}  {outcome.latency_s * 1000:>9.1f} ms  {outcome.verdict}"


_HEADINGS = ("scenario", "calls", "200s", "mails", "retries", "p50 ms", "p99 ms", "max ms")


def table_of(summaries: Iterable[Summary]) -> str:
    """The summaries as an aligned table: names to the left, numbers to the right."""
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
    """The whole report as one JSON object: `seed`, `duration_s`, `calls_per_s`, `latest_start_ms`, `calls` and `summary`."""
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
