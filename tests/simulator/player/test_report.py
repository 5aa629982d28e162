"""Summaries count and rank correctly, and are laid out to be read by people and by machines."""

import json

import pytest

from app.simulator.player.caller import CallOutcome, CallVerdict
from app.simulator.player.report import PlayResult, Report, json_of, line_of, nearest_rank, table_of

FINE = PlayResult(
    "usual", "1234-56789-01234", "04", CallOutcome(200, None, 0.0123, CallVerdict.NOTHING)
)
SLOW = PlayResult(
    "usual",
    "1234-56789-01234",
    "05",
    CallOutcome(None, "timeout", 40.0, CallVerdict.RETRY, late_s=0.004),
)
LOST = PlayResult(
    "failed", "1234-56789-01235", "02", CallOutcome(500, None, 0.0005, CallVerdict.MAIL)
)
REPORT = Report((FINE, SLOW, LOST, FINE), duration_s=2.0)


@pytest.mark.parametrize(
    ("count", "percent", "expected"),
    [(1, 50, 1), (1, 99, 1), (2, 50, 1), (3, 50, 2), (100, 50, 50), (100, 99, 99), (1000, 99, 990)],
)
def test_nearest_rank(count: int, percent: int, expected: int) -> None:
    assert nearest_rank(range(1, count + 1), percent) == expected


def test_the_table_is_aligned() -> None:
    assert table_of(REPORT.summaries()).splitlines() == [
        "scenario  calls  200s  mails  retries  p50 ms   p99 ms   max ms",
        "usual         3     2      0        1    12.3  40000.0  40000.0",
        "failed        1     0      1        0     0.5      0.5      0.5",
    ]


def test_a_line_says_what_was_asked_answered_and_done() -> None:
    assert line_of(FINE).split() == [
        "usual",
        "1234-56789-01234",
        "04",
        "200",
        "12.3",
        "ms",
        "nothing",
    ]
    assert line_of(SLOW).split() == [
        "usual",
        "1234-56789-01234",
        "05",
        "timeout",
        "40000.0",
        "ms",
        "retry",
    ]
    assert line_of(LOST).split() == ["failed", "1234-56789-01235", "02", "500", "0.5", "ms", "mail"]
    assert len({len(line_of(result).rsplit("ms", 1)[0]) for result in REPORT.results}) == 1


def test_json_has_every_call_and_every_summary() -> None:
    whole = json.loads(json_of(REPORT, seed=7))

    assert {
        name: whole[name] for name in ("seed", "duration_s", "calls_per_s", "latest_start_ms")
    } == {
        "seed": 7,
        "duration_s": 2.0,
        "calls_per_s": 2.0,
        "latest_start_ms": 4.0,
    }
    assert whole["calls"][1:3] == [
        {
            "scenario": "usual",
            "order_no": "1234-56789-01234",
            "status": "05",
            "answer": None,
            "error": "timeout",
            "latency_ms": 40000.0,
            "zeus": "retry",
        },
        {
            "scenario": "failed",
            "order_no": "1234-56789-01235",
            "status": "02",
            "answer": 500,
            "error": None,
            "latency_ms": 0.5,
            "zeus": "mail",
        },
    ]
    assert whole["summary"][1] == {
        "scenario": "failed",
        "calls": 1,
        "200s": 0,
        "mails": 1,
        "retries": 0,
        "p50_ms": 0.5,
        "p99_ms": 0.5,
        "max_ms": 0.5,
    }


def test_mails_are_counted_over_all_scenarios() -> None:
    assert REPORT.mails == 1
    assert Report((FINE, SLOW), 1.0).mails == 0
