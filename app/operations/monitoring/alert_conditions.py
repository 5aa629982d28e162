"""What somebody should be told of: the conditions behind the alerts, from one measurement."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from app.db.checks.old_transactions import MOST_WAL_BYTES, OLD_SECONDS, Slot
from app.operations.monitoring.baseline import Expectation
from app.operations.monitoring.snapshot import Snapshot, SubscriberSnapshot
from app.recording.spool.status import SpoolState

EXPECTED_CALLS = 10
"""How many calls must be missing before a silence is longer than usual: ten usual ones stay away by chance once in 20,000 times."""
SILENCE = timedelta(minutes=15)
"""A silence is never reported before this."""
SPOOL = timedelta(minutes=5)
DATABASE = timedelta(minutes=5)
UNDELIVERED = timedelta(minutes=15)
SPOOL_KEYS = ("spool", "spool_entries")
"""The keys of the concerns that are not in the database: only a process that shares the spool's directory knows whether they hold."""


@dataclass(frozen=True, slots=True)
class AlertCondition:
    """One condition that holds now. `key` tells it from others, `text` says it without anything personal.

    `ids` are the latest things that it is about, where those are more than one: new ones among them are worth another message.
    """

    key: str
    text: str
    ids: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class AttentionSummary:
    """The ids of the latest notices and webhooks that nobody has dealt with."""

    quarantined: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()


def alert_conditions(
    standing: Snapshot, expectation: Expectation, attention: AttentionSummary
) -> list[AlertCondition]:
    """Everything that the database shows to be wrong, the most urgent first."""
    return [
        *_silence(standing, expectation),
        *(concern for subscriber in standing.subscribers for concern in _subscriber(subscriber)),
        *_attention(standing, attention),
    ]


def conditions_without_database(spool: SpoolState | None, away: timedelta) -> list[AlertCondition]:
    """What is wrong as far as that can be seen without the database, which has not answered for `away`.

    `spool` is None where this process shares no directory with a receiver.
    """
    concerns = []
    if away >= DATABASE:
        concerns.append(
            AlertCondition(
                "database",
                "The database has not answered for 5 minutes: nothing is judged or forwarded.",
            )
        )
    if spool is not None and spool.records and (spool.oldest_seconds or 0) >= SPOOL.total_seconds():
        concerns.append(
            AlertCondition(
                "spool",
                "Calls have been waiting in the spool for more than 5 minutes: does the database answer?",
            )
        )
    if spool is not None and spool.unusable_entries:
        text = f"Entries of the spool directory cannot be read and are skipped ({spool.unusable_entries}): calls may be in them."
        concerns.append(AlertCondition("spool_entries", text))
    return concerns


def conditions_of_database(
    oldest: Mapping[str, float], slots: Sequence[Slot]
) -> list[AlertCondition]:
    """What keeps dead rows and write-ahead log: ages by holder in seconds, and the replication slots."""
    holders = ", ".join(holder for holder, seconds in oldest.items() if seconds > OLD_SECONDS)
    text = f"Dead rows have been kept for more than 30 minutes by an old transaction ({holders})."
    old = [AlertCondition("old_transaction", text)] if holders else []
    return [
        *old,
        *(
            AlertCondition(
                f"slot:{slot.name}", f"Replication slot {slot.name} keeps more than 10 GiB of WAL."
            )
            for slot in slots
            if slot.wal_bytes > MOST_WAL_BYTES
        ),
    ]


def _silence(standing: Snapshot, expectation: Expectation) -> Iterator[AlertCondition]:
    if standing.last_call_at is None:
        return
    silence = standing.at - standing.last_call_at
    if silence >= SILENCE and expectation.since_last >= EXPECTED_CALLS:
        usual = f"about {expectation.since_last:.0f} calls usually come in such a time"
        yield AlertCondition(
            "no_calls",
            f"No call of Zeus since {standing.last_call_at:%Y-%m-%d %H:%M} UTC; {usual}.",
        )


def _subscriber(subscriber: SubscriberSnapshot) -> Iterator[AlertCondition]:
    name, oldest = subscriber.name, subscriber.oldest_seconds or 0
    if subscriber.state == "paused":
        yield AlertCondition(
            f"paused:{name}", f"Subscriber {name} is paused; what it is owed is held."
        )
        return
    if subscriber.failing_since is not None:
        since = f"no webhook has arrived since {subscriber.failing_since:%Y-%m-%d %H:%M} UTC"
        yield AlertCondition(f"failing:{name}", f"Subscriber {name} is failing: {since}.")
    if oldest >= UNDELIVERED.total_seconds():
        yield AlertCondition(
            f"undelivered:{name}",
            f"A webhook for subscriber {name} has been undelivered for more than 15 minutes.",
        )


def _attention(standing: Snapshot, attention: AttentionSummary) -> Iterator[AlertCondition]:
    if standing.quarantined:
        yield AlertCondition(
            "quarantine",
            "Notices in quarantine wait for somebody to look at them.",
            attention.quarantined,
        )
    if standing.conflicts:
        yield AlertCondition(
            "conflict", "Repeated notices contradict the ones before.", attention.conflicts
        )
    if standing.dead:
        yield AlertCondition(
            "dead", "Webhooks were given up after their last attempt.", attention.dead
        )
