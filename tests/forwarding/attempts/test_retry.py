"""Retry policy as a table."""

from datetime import timedelta

import pytest

from app.forwarding.attempts.retry import EXCUSED_AT_MOST, next_attempt
from app.forwarding.outcome import DeliveryOutcome, OutcomeKind, kind_of_status
from app.settings import parse_duration

SCHEDULE = [
    parse_duration(text)
    for text in ("0s", "5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "24h")
]
K = OutcomeKind


@pytest.mark.parametrize(
    ("expected", "attempts", "outcome", "retry_after"),
    [
        # the schedule, from the first attempt to the last
        ("5s", 1, K.HTTP_5XX, None),
        ("5m", 2, K.HTTP_5XX, None),
        ("30m", 3, K.HTTP_4XX, None),
        ("20h", 8, K.REFUSED, None),
        ("24h", 9, K.DNS, None),
        (None, 10, K.HTTP_5XX, None),
        (None, 11, K.HTTP_5XX, None),
        # an overloaded subscriber gets a minute at least
        ("60s", 1, K.TIMEOUT, None),
        ("60s", 1, K.TOO_MANY_REQUESTS, None),
        ("5m", 2, K.TOO_MANY_REQUESTS, None),
        (None, 10, K.TIMEOUT, None),
        # Retry-After lengthens the wait, within bounds, and never shortens it
        ("120s", 1, K.HTTP_5XX, "120s"),
        ("120s", 1, K.TOO_MANY_REQUESTS, "120s"),
        ("60s", 1, K.TOO_MANY_REQUESTS, "2s"),
        ("2h", 4, K.HTTP_5XX, "1s"),
        ("24h", 1, K.HTTP_5XX, "365d"),
        ("5s", 1, K.HTTP_5XX, "0s"),
        (None, 10, K.HTTP_5XX, "10s"),
        # a gone subscriber gets no retry
        (None, 1, K.GONE, None),
        (None, 1, K.GONE, "10s"),
    ],
)
def test_the_next_attempt_without_jitter(
    expected: str | None, attempts: int, outcome: OutcomeKind, retry_after: str | None
) -> None:
    wait = next_attempt(
        SCHEDULE,
        attempts,
        outcome,
        None if retry_after is None else parse_duration(retry_after),
        0.5,
    )
    if expected == "60s" and wait is not None:  # its jitter only adds
        assert timedelta(seconds=60) <= wait <= timedelta(seconds=66)
    else:
        assert wait == (None if expected is None else parse_duration(expected))


@pytest.mark.parametrize(
    ("random", "expected_s"),
    [(0.0, 4.5), (0.25, 4.75), (0.5, 5.0), (1.0, 5.5)],
)
def test_jitter_is_ten_percent_in_both_directions(random: float, expected_s: float) -> None:
    wait = next_attempt(SCHEDULE, 1, K.HTTP_5XX, None, random)
    assert wait is not None
    assert wait.total_seconds() == pytest.approx(expected_s)


@pytest.mark.parametrize("outcome", [K.TIMEOUT, K.TOO_MANY_REQUESTS])
@pytest.mark.parametrize("random", [0.0, 0.5, 1.0])
def test_jitter_never_shortens_the_minute(outcome: OutcomeKind, random: float) -> None:
    wait = next_attempt(SCHEDULE, 1, outcome, None, random)
    assert wait is not None
    assert wait >= timedelta(seconds=60)


def test_a_zero_wait_with_a_zero_retry_after_is_a_second() -> None:
    assert next_attempt(
        [timedelta(0), timedelta(0)], 1, K.HTTP_5XX, timedelta(0), 0.5
    ) == timedelta(seconds=1)


def test_a_retry_after_in_the_past_is_ignored() -> None:
    assert next_attempt(SCHEDULE, 1, K.HTTP_5XX, timedelta(days=-3), 0.5) == timedelta(seconds=5)


@pytest.mark.parametrize(
    ("expected", "excused"),
    [("5s", 1), ("10s", 2), ("20s", 3), ("160s", 6), ("5m", 7), ("5m", 8), ("5m", EXCUSED_AT_MOST)],
)
def test_our_own_failures_are_retried_at_growing_intervals(expected: str, excused: int) -> None:
    for attempts in (0, 10):  # whatever was charged
        assert next_attempt(
            SCHEDULE, attempts, K.OWN_SIDE, None, 0.5, excused=excused
        ) == parse_duration(expected)


def test_our_own_failures_are_not_excused_for_ever() -> None:
    assert next_attempt(
        SCHEDULE, 1, K.OWN_SIDE, None, 0.5, excused=EXCUSED_AT_MOST + 1
    ) == parse_duration("5s")
    assert next_attempt(SCHEDULE, 10, K.OWN_SIDE, None, 0.5, excused=EXCUSED_AT_MOST + 1) is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, K.DELIVERED),
        (204, K.DELIVERED),
        (299, K.DELIVERED),
        (101, K.BAD_RESPONSE),
        (301, K.REDIRECT),
        (304, K.REDIRECT),
        (307, K.REDIRECT),
        (400, K.HTTP_4XX),
        (404, K.HTTP_4XX),
        (410, K.GONE),
        (429, K.TOO_MANY_REQUESTS),
        (500, K.HTTP_5XX),
        (503, K.HTTP_5XX),
        (600, K.BAD_RESPONSE),
    ],
)
def test_the_kind_of_each_status(status: int, kind: OutcomeKind) -> None:
    assert kind_of_status(status) is kind


def test_only_our_own_failures_are_not_charged() -> None:
    assert [kind for kind in OutcomeKind if not kind.charged] == [K.OWN_SIDE]
    assert DeliveryOutcome(K.DELIVERED, 200).kind.charged
