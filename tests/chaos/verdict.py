"""Verdict of a line: the caller's answers compared with notices, events and webhooks."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.chaos.load import Answer

_REVIEW = "review.required"

Fact = tuple[str, str]
"""An order_no and the status (ステータス) that was reported for it."""


@dataclass(frozen=True, slots=True)
class Event:
    """Event in the database or in a webhook, without its content.

    No scenario here reports a status twice.
    """

    id: str
    type: str
    fact: Fact


@dataclass(frozen=True, slots=True)
class Observed:
    """Records after a line: `notices` counted by fact, `webhooks` with every delivery."""

    answers: Sequence[Answer]
    notices: Counter[Fact]
    events: Sequence[Event]
    webhooks: Sequence[Event]


@dataclass(frozen=True, slots=True)
class Finding:
    """Figures of a line; `problems` is empty if it holds."""

    calls: int
    not_200: int
    missing: int
    doubled: int
    slowest_s: float
    problems: list[str] = field(default_factory=list)


def find(observed: Observed, slowest_s: float) -> Finding:
    """Compare the records with the guarantees. An answer must take less than `slowest_s`."""
    answers = observed.answers
    failed = Counter(
        str(answer.status or answer.error) for answer in answers if answer.status != 200
    )
    answered = Counter(
        (answer.order_no, answer.zeus_status) for answer in answers if answer.status == 200
    )
    missing = (answered - observed.notices).total()
    doubled = _doubled(observed.events) | _doubled(observed.webhooks)
    eventless = answered.keys() - {event.fact for event in observed.events}
    undelivered = {event.id for event in observed.events} - {
        event.id for event in observed.webhooks
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
    """Return the facts of which events with several ids exist.

    The same id again is a repeated delivery.
    """
    ids = defaultdict(set)
    for event in events:
        if event.type != _REVIEW:
            ids[event.fact].add(event.id)
    return {fact for fact, known in ids.items() if len(known) > 1}
