"""Verdict of a line: the caller's answers compared with notices, events and webhooks."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.chaos.load import Answer

RELEASED = "order.released"
_SEVERAL = ("review.required", "review.settled")
"""Types of which an order may have several events."""
_CONFIRMED = ("05", "12")

Fact = tuple[str, str]
"""An order_no and the status (ステータス) that was reported for it."""
Told = tuple[str, str, str]
"""An order_no, a status and the type of an event that tells about it."""


@dataclass(frozen=True, slots=True)
class Event:
    """Event in the database or in a webhook, without its content.

    No scenario here reports a status twice, and no order is paid twice, so that no type tells the
    same of an order twice. `fact` has the status of the order if the event is about none.
    """

    id: str
    type: str
    fact: Fact
    sequence: int

    @property
    def told(self) -> Told:
        """Return what the event tells. A release is told once, whatever the status."""
        return (self.fact[0], "" if self.type == RELEASED else self.fact[1], self.type)


@dataclass(frozen=True, slots=True)
class Observed:
    """Records after a line: `notices` counted by fact, `webhooks` with every delivery.

    They are in order of arrival, for each subscriber.
    """

    answers: Sequence[Answer]
    notices: Counter[Fact]
    events: Sequence[Event]
    webhooks: Sequence[Sequence[Event]]


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
    doubled = _doubled(observed.events).union(*map(_doubled, observed.webhooks))
    statuses = [event for event in observed.events if event.type not in (RELEASED, *_SEVERAL)]
    eventless = answered.keys() - {event.fact for event in statuses}
    confirmed = {order_no for order_no, status in answered if status in _CONFIRMED}
    released = {event.fact[0] for event in observed.events if event.type == RELEASED}
    due = {event.id for event in observed.events}
    undelivered = sum(len(due - {event.id for event in each}) for each in observed.webhooks)
    overtaken = sum(map(_overtaken, observed.webhooks))
    slowest = max((answer.latency_s for answer in answers), default=0.0)
    complaints = (
        (not answers, "no call was made"),
        (failed, f"not answered 200: {dict(failed)}"),
        (missing, f"{missing} answered calls are not among the notices"),
        (doubled, f"{len(doubled)} facts became more than one event"),
        (eventless, f"{len(eventless)} facts became no event"),
        (confirmed ^ released, f"{len(confirmed ^ released)} orders are wrongly released or not"),
        (gaps := _gaps(observed.events), f"{gaps} orders have gaps in the sequence of events"),
        (undelivered, f"{undelivered} events did not arrive at a subscriber"),
        (overtaken, f"{overtaken} webhooks overtook an earlier one of their order"),
        (slowest >= slowest_s, f"an answer took {slowest:.1f} s"),
    )
    problems = [text for wrong, text in complaints if wrong]
    return Finding(len(answers), failed.total(), missing, len(doubled), slowest, problems)


def _doubled(events: Iterable[Event]) -> set[Told]:
    """Return what several events with different ids tell.

    The same id again is a repeated delivery.
    """
    ids = defaultdict(set)
    for event in events:
        if event.type not in _SEVERAL:
            ids[event.told].add(event.id)
    return {told for told, known in ids.items() if len(known) > 1}


def _gaps(events: Iterable[Event]) -> int:
    """Return the number of orders whose events are not numbered from 1 without gaps."""
    sequences = defaultdict(list)
    for event in events:
        sequences[event.fact[0]].append(event.sequence)
    return sum(sorted(each) != [*range(1, len(each) + 1)] for each in sequences.values())


def _overtaken(webhooks: Iterable[Event]) -> int:
    """Return the number of webhooks that arrived first after a later one of their order."""
    latest: dict[str, int] = {}
    known = set()
    overtaken = 0
    for event in webhooks:
        if event.id not in known:
            known.add(event.id)
            overtaken += event.sequence < latest.get(event.fact[0], 0)
            latest[event.fact[0]] = max(event.sequence, latest.get(event.fact[0], 0))
    return overtaken
