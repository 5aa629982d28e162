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
    found = [*_stalled(overview), *_attention(overview.attention), *_failing(overview)]
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


def _older(since: datetime | None, now: datetime, limit: timedelta) -> bool:
    return since is not None and now - since > limit
