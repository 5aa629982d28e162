"""What a line proved: the caller's answers held against the notices, the events and the webhooks that arrived."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.chaos.load import Answer

_REVIEW = "review.required"

Fact = tuple[str, str]
"""An order_no and the status (ステータス) that was told of it."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event in the database or in a webhook, without its content. In neither scenario that is played does a status happen twice."""

    id: str
    type: str
    fact: Fact


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was found after a line. `notices` counts those of each fact; `webhooks` holds every delivery, repeated ones too."""

    answers: Sequence[Answer]
    notices: Counter[Fact]
    events: Sequence[Event]
    webhooks: Sequence[Event]


@dataclass(frozen=True, slots=True)
class Finding:
    """The figures of a line; `problems` is empty if it holds."""

    calls: int
    not_200: int
    missing: int
    doubled: int
    slowest_s: float
    problems: list[str] = field(default_factory=list)


def find(evidence: Evidence, slowest_s: float) -> Finding:
    """Hold the evidence against what is promised; an answer must take less than `slowest_s`."""
    answers = evidence.answers
    failed = Counter(
        str(answer.status or answer.error) for answer in answers if answer.status != 200
    )
    answered = Counter(
        (answer.order_no, answer.zeus_status) for answer in answers if answer.status == 200
    )
    missing = (answered - evidence.notices).total()
    doubled = _doubled(evidence.events) | _doubled(evidence.webhooks)
    eventless = answered.keys() - {event.fact for event in evidence.events}
    undelivered = {event.id for event in evidence.events} - {
        event.id for event in evidence.webhooks
    }
    slowest = max((answer.latency_s for answer in answers), default=0.0)
    complaints = (
        (not answers, "no call was made"),
        (failed, f"not answered 200: {dict(failed)}"),
        (missing, f"{missing} answered calls are not among the notices"),
        (doubled, f"{len(doubled)} facts became more than one event"),
        (eventless, f"{len(eventless)} facts became no event"),
        (undelivered, f"{len(undelivered)} events did not arrive at the subscriber"),
        (slowest >= slowest_s, f"an answer took {slowest:.1f} s"),
    )
    problems = [text for wrong, text in complaints if wrong]
    return Finding(len(answers), failed.total(), missing, len(doubled), slowest, problems)


def _doubled(events: Iterable[Event]) -> set[Fact]:
    """The facts that events with more than one id state. The same id again is a repeated delivery."""
    ids = defaultdict(set)
    for event in events:
        if event.type != _REVIEW:
            ids[event.fact].add(event.id)
    return {fact for fact, known in ids.items() if len(known) > 1}
