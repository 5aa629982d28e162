"""Alert conditions: derived from one measurement of the database and the spool."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from app.db.checks.old_transactions import MOST_WAL_BYTES, OLD_SECONDS, Slot
from app.operations.monitoring.baseline import Expectation
from app.operations.monitoring.snapshot import Snapshot, SubscriberSnapshot
from app.recording.spool.status import SpoolState

EXPECTED_CALLS = 10
"""Expected calls that must be missing for the `no_calls` alert.

If ten calls are expected, none arrives by chance once in 20,000 cases.
"""
SILENCE = timedelta(minutes=15)
"""Shortest time without calls that is reported."""
SPOOL = timedelta(minutes=5)
DATABASE = timedelta(minutes=5)
UNDELIVERED = timedelta(minutes=15)
MAILBOX = timedelta(minutes=20)
SPOOL_KEYS = ("spool", "spool_entries")
"""Keys of the conditions of the spool, known only to a process that shares its directory."""


@dataclass(frozen=True, slots=True)
class AlertCondition:
    """Condition that holds now, with its key and a text without personal values.

    `ids` are the newest items of the condition, if it has several. A new id causes another message.
    """

    key: str
    text: str
    ids: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class AttentionSummary:
    """Ids of the newest notices and webhooks that need review."""

    quarantined: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()


def alert_conditions(
    current: Snapshot, expectation: Expectation, attention: AttentionSummary
) -> list[AlertCondition]:
    """Return the conditions that the database shows, the most urgent first."""
    return [
        *_silence(current, expectation),
        *(found for subscriber in current.subscribers for found in _subscriber(subscriber)),
        *_attention(current, attention),
        *_mails(current),
    ]


def conditions_without_database(spool: SpoolState | None, away: timedelta) -> list[AlertCondition]:
    """Return the conditions that can be seen without the database, which is silent for `away`.

    `spool` is None if this process shares no directory with a receiver.
    """
    conditions = []
    if away >= DATABASE:
        conditions.append(
            AlertCondition(
                "database",
                "The database has not answered for 5 minutes: nothing is judged or forwarded.",
            )
        )
    if spool is not None and spool.records and (spool.oldest_seconds or 0) >= SPOOL.total_seconds():
        conditions.append(
            AlertCondition(
                "spool",
                "Calls have been waiting in the spool for more than 5 minutes: "
                "does the database answer?",
            )
        )
    if spool is not None and spool.unusable_entries:
        text = (
            "Entries of the spool directory cannot be read and are skipped "
            f"({spool.unusable_entries}): calls may be in them."
        )
        conditions.append(AlertCondition("spool_entries", text))
    return conditions


def conditions_of_database(
    oldest: Mapping[str, float], slots: Sequence[Slot]
) -> list[AlertCondition]:
    """Return the conditions of old transactions and of replication slots that keep much WAL.

    `oldest` has the age in seconds by holder.
    """
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


def _silence(current: Snapshot, expectation: Expectation) -> Iterator[AlertCondition]:
    if current.last_call_at is None:
        return
    silence = current.at - current.last_call_at
    if silence >= SILENCE and expectation.since_last >= EXPECTED_CALLS:
        expected = f"about {expectation.since_last:.0f} calls usually come in such a time"
        yield AlertCondition(
            "no_calls",
            f"No call of Zeus since {current.last_call_at:%Y-%m-%d %H:%M} UTC; {expected}.",
        )


def _subscriber(subscriber: SubscriberSnapshot) -> Iterator[AlertCondition]:
    name, oldest = subscriber.name, subscriber.oldest_seconds or 0
    if subscriber.state == "paused":
        yield AlertCondition(
            f"paused:{name}", f"Subscriber {name} is paused; its webhooks are held."
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


def _mails(current: Snapshot) -> Iterator[AlertCondition]:
    mails = current.mails
    if mails.call_failed:
        text = "Zeus mailed that a call failed (CGI送信エラー通知)."
        yield AlertCondition("call_failed", text, mails.call_failed_ids)
    if mails.missing:
        text = "Mails tell of calls that have not come."
        yield AlertCondition("calls_missing", text, mails.missing_ids)
    if mails.not_believed:
        yield AlertCondition(
            "mails_not_believed", "Mails in the name of Zeus were not believed in the last day."
        )
    if mails.calls >= EXPECTED_CALLS and mails.calls == mails.calls_without_mail:
        yield AlertCondition("no_mails", "Calls come, but no mail tells of them.")
    if mails.mailbox_read_at and current.at - mails.mailbox_read_at >= MAILBOX:
        yield AlertCondition("mailbox", "The mailbox has not been read for 20 minutes.")


def _attention(current: Snapshot, attention: AttentionSummary) -> Iterator[AlertCondition]:
    if current.quarantined:
        yield AlertCondition(
            "quarantine",
            "Notices in quarantine need review.",
            attention.quarantined,
        )
    if current.conflicts:
        yield AlertCondition(
            "conflict", "Repeated notices contradict the ones before.", attention.conflicts
        )
    if current.dead:
        yield AlertCondition(
            "dead", "Webhooks were given up after their last attempt.", attention.dead
        )
