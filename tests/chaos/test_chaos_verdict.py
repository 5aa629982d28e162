"""The judge of the outages finds every way in which a promise can be broken."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.load import Answer
from tests.chaos.verdict import Event, Evidence, find

SLOWEST_S = 10.0
PAID = ("1234-56789-01234", "04")
GOOD = Answer(*PAID, status=200, error=None, latency_s=0.1, late_s=0.0)
EVENT = Event("event-1", "payment.received", PAID)
SOUND = Evidence([GOOD], Counter({PAID: 1}), [EVENT], [EVENT])


def evidence(**changed: Any) -> Evidence:
    """What is there when all went well, but for what is changed."""
    return replace(SOUND, **changed)


@pytest.mark.parametrize(
    "harmless",
    [
        SOUND,
        evidence(notices=Counter({PAID: 2})),  # sent again by a proxy
        evidence(webhooks=[EVENT, EVENT]),  # delivered again with the same id
        evidence(
            events=[EVENT, Event("event-2", "review.required", PAID)],
            webhooks=[EVENT, Event("event-2", "review.required", PAID)],
        ),
    ],
)
def test_what_may_happen_is_no_problem(harmless: Evidence) -> None:
    assert [] == find(harmless, SLOWEST_S).problems


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (evidence(answers=[]), "no call was made"),
        (evidence(answers=[Answer(*PAID, 502, None, 0.1, 0.0)]), "not answered 200: {'502': 1}"),
        (evidence(answers=[Answer(*PAID, None, "reset", 0.1, 0.0)]), "not answered 200: {'reset': 1}"),
        (evidence(notices=Counter()), "1 answered calls are not among the notices"),
        (evidence(answers=[GOOD, GOOD]), "1 answered calls are not among the notices"),
        (evidence(events=[EVENT, Event("event-2", "payment.received", PAID)], webhooks=[EVENT, Event("event-2", "payment.received", PAID)]),
         "1 facts became more than one event"),
        (evidence(webhooks=[EVENT, Event("event-2", "payment.received", PAID)]), "1 facts became more than one event"),
        (evidence(events=[], webhooks=[]), "1 facts became no event"),
        (evidence(webhooks=[]), "1 events did not arrive at the subscriber"),
        (evidence(answers=[Answer(*PAID, 200, None, SLOWEST_S, 0.0)]), "an answer took 10.0 s"),
    ],
)  # fmt: skip
def test_what_must_not_happen_is_one(broken: Evidence, problem: str) -> None:
    assert [problem] == find(broken, SLOWEST_S).problems
