"""Warnings of the overview page, most severe first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from app.console.texts.labels import _
from app.operations.attention.attention import AttentionCounts
from app.operations.monitoring.overview import Overview

UNJUDGED_FOR = timedelta(minutes=1)
"""Judging takes milliseconds, so a call that is older probably lacks a running worker."""
UNDELIVERED_FOR = timedelta(minutes=15)
UNREAD_FOR = timedelta(minutes=20)
"""The mailbox is read every 5 minutes, so an older reading means that it cannot be reached."""


class Severity(IntEnum):
    """Severity of a warning."""

    WARN = 1
    BAD = 2


@dataclass(frozen=True, slots=True)
class PageWarning:
    """A warning: a catalogue key, the count to put in it, and the path of its details."""

    severity: Severity
    words: str
    count: int
    path: str


def page_warnings(overview: Overview) -> Sequence[PageWarning]:
    """Return the warnings of an overview, most severe first."""
    found = [
        *_stalled(overview),
        *_attention(overview.attention),
        *_failing(overview),
        *_mails(overview),
    ]
    return sorted(found, key=lambda warning: -warning.severity)


def _stalled(overview: Overview) -> list[PageWarning]:
    found = []
    if _older(overview.oldest_unjudged_at, overview.at, UNJUDGED_FOR):
        found.append(
            PageWarning(
                Severity.BAD,
                _("Calls are not being judged: is a worker running? (%(count)s)"),
                overview.unjudged,
                "/",
            )
        )
    if overview.spool and (overview.spool.records or overview.spool.refused_records):
        waiting = overview.spool.records + overview.spool.refused_records
        found.append(
            PageWarning(
                Severity.BAD, _("Calls wait on disk for the database (%(count)s)"), waiting, "/"
            )
        )
    if _older(overview.oldest_undelivered_at, overview.at, UNDELIVERED_FOR):
        found.append(
            PageWarning(
                Severity.WARN,
                _("Webhooks have been pending for more than 15 minutes"),
                overview.undelivered,
                "/subscribers",
            )
        )
    if overview.last_call_at is None:
        found.append(PageWarning(Severity.WARN, _("Zeus has not called yet"), 0, "/onboarding"))
    return found


def _attention(counts: AttentionCounts) -> list[PageWarning]:
    candidates = (
        PageWarning(
            Severity.BAD,
            _("Dead webhooks (%(count)s)"),
            counts.dead_webhooks,
            "/attention#dead",
        ),
        PageWarning(
            Severity.BAD,
            _("Reviews to decide (%(count)s)"),
            counts.reviews,
            "/attention#reviews",
        ),
        PageWarning(
            Severity.WARN,
            _("Rejected calls that look like Zeus's (%(count)s)"),
            counts.rejected_samples,
            "/attention#rejected",
        ),
        PageWarning(
            Severity.WARN,
            _("Paused subscribers (%(count)s)"),
            counts.paused_subscribers,
            "/attention#paused",
        ),
    )
    return [warning for warning in candidates if warning.count]


def _failing(overview: Overview) -> list[PageWarning]:
    failing = sum(subscriber.failing for subscriber in overview.subscribers)
    return (
        [PageWarning(Severity.WARN, _("Failing subscribers (%(count)s)"), failing, "/subscribers")]
        if failing
        else []
    )


def _mails(overview: Overview) -> list[PageWarning]:
    mails = overview.mails
    if mails is None:
        return []
    is_unread = _older(mails.mailbox_read_at, overview.at, UNREAD_FOR)
    candidates = (
        PageWarning(
            Severity.BAD,
            _("Zeus mailed that calls failed (%(count)s)"),
            mails.call_failed,
            "/mails?state=call_failed",
        ),
        PageWarning(
            Severity.WARN,
            _("Mails in the name of Zeus that are not believed (%(count)s)"),
            mails.not_believed,
            "/mails?state=not_believed",
        ),
        PageWarning(
            Severity.WARN,
            _("The mailbox has not been read for 20 minutes"),
            int(is_unread),
            "/mails",
        ),
    )
    return [warning for warning in candidates if warning.count]


def _older(since: datetime | None, now: datetime, limit: timedelta) -> bool:
    return since is not None and now - since > limit
