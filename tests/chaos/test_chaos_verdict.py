"""Tests of the verdict: it finds every way to break a guarantee."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.load import Answer
from tests.chaos.silence import find_in_silence
from tests.chaos.verdict import Event, Observed, find

SLOWEST_S = 10.0
PAID = ("1234-56789-01234", "04")
GOOD = Answer(*PAID, status=200, error=None, latency_s=0.1, late_s=0.0)
EVENT = Event("event-1", "payment.received", PAID, 1)
AGAIN = Event("event-2", "payment.received", PAID, 2)
REVIEW = Event("event-2", "review.required", PAID, 2)
SOUND = Observed([GOOD], Counter({PAID: 1}), [EVENT], [[EVENT]])

CONFIRMED = (PAID[0], "05")
RELEASE = Event("event-3", "order.released", (PAID[0], "05"), 2)
SECOND_RELEASE = Event("event-4", "order.released", (PAID[0], "04"), 3)
RELEASED = [Event("event-2", "payment.confirmed", CONFIRMED, 1), RELEASE]
ALL_SOUND = Observed(
    [replace(GOOD, zeus_status="05")], Counter({CONFIRMED: 1}), RELEASED, [RELEASED]
)


def observed(**changed: Any) -> Observed:
    """Return the records of a run without problems, with these changes."""
    return replace(SOUND, **changed)


@pytest.mark.parametrize(
    "harmless",
    [
        SOUND,
        observed(notices=Counter({PAID: 2})),  # sent again by a proxy
        observed(webhooks=[[EVENT, EVENT]]),  # delivered again with the same id
        observed(events=[EVENT, REVIEW], webhooks=[[EVENT, REVIEW]]),
        ALL_SOUND,
    ],
)
def test_allowed_repetitions_are_no_problem(harmless: Observed) -> None:
    assert [] == find(harmless, SLOWEST_S).problems


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (observed(answers=[]), "no call was made"),
        (observed(answers=[Answer(*PAID, 502, None, 0.1, 0.0)]), "not answered 200: {'502': 1}"),
        (
            observed(answers=[Answer(*PAID, None, "reset", 0.1, 0.0)]),
            "not answered 200: {'reset': 1}",
        ),
        (observed(notices=Counter()), "1 answered calls are not among the notices"),
        (observed(answers=[GOOD, GOOD]), "1 answered calls are not among the notices"),
        (
            observed(events=[EVENT, AGAIN], webhooks=[[EVENT, AGAIN]]),
            "1 facts became more than one event",
        ),
        (observed(webhooks=[[EVENT, AGAIN]]), "1 facts became more than one event"),
        (observed(events=[], webhooks=[[]]), "1 facts became no event"),
        (observed(webhooks=[[EVENT], []]), "1 events did not arrive at a subscriber"),
        (
            observed(events=[EVENT, REVIEW], webhooks=[[REVIEW, EVENT]]),
            "1 webhooks overtook an earlier one of their order",
        ),
        (observed(webhooks=[[]]), "1 events did not arrive at a subscriber"),
        (
            observed(events=[AGAIN], webhooks=[[AGAIN]]),
            "1 orders have gaps in the sequence of events",
        ),
        (
            replace(ALL_SOUND, events=RELEASED[:1], webhooks=[RELEASED[:1]]),
            "1 orders are wrongly released or not",
        ),
        (
            observed(events=[EVENT, RELEASE], webhooks=[[EVENT, RELEASE]]),
            "1 orders are wrongly released or not",
        ),
        (
            replace(
                ALL_SOUND,
                events=[*RELEASED, SECOND_RELEASE],
                webhooks=[[*RELEASED, SECOND_RELEASE]],
            ),
            "1 facts became more than one event",
        ),
        (observed(answers=[Answer(*PAID, 200, None, SLOWEST_S, 0.0)]), "an answer took 10.0 s"),
    ],
)
def test_a_broken_guarantee_is_a_problem(broken: Observed, problem: str) -> None:
    assert [problem] == find(broken, SLOWEST_S).problems


SILENT, UNCONFIRMED = "0000-00000-00001", "0000-00000-00002"
PRESUMED = Event("1", "order.expiry_presumed", (SILENT, "01"), 2)
OVERDUE = Event("2", "review.required", (UNCONFIRMED, "04"), 3)
RECEIVED = Event("3", "payment.received", (UNCONFIRMED, "04"), 2)
TOO_LATE = Event("4", "order.expiry_presumed", (UNCONFIRMED, "04"), 4)


@pytest.mark.parametrize(
    ("events", "problems"),
    [
        ([PRESUMED, OVERDUE, RECEIVED], []),
        ([OVERDUE, RECEIVED], ["1 silent orders were not presumed expired once"]),
        (
            [PRESUMED, PRESUMED, OVERDUE, RECEIVED],
            ["1 silent orders were not presumed expired once"],
        ),
        ([PRESUMED, RECEIVED], ["1 payments were not found overdue once"]),
        (
            [PRESUMED, RECEIVED, OVERDUE, TOO_LATE],
            ["1 orders were presumed expired although they were paid"],
        ),
    ],
)
def test_silence_is_told_once(events: list[Event], problems: list[str]) -> None:
    answers = [
        replace(GOOD, order_no=order_no, zeus_status=status)
        for order_no, status in ((SILENT, "01"), (UNCONFIRMED, "01"), (UNCONFIRMED, "04"))
    ]
    assert problems == find_in_silence(Observed(answers, Counter(), events, []))


def test_a_line_without_silence_proves_nothing() -> None:
    assert ["nobody was silent"] == find_in_silence(SOUND)
