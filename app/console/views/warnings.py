"""What of the overview should worry an operator, the worst first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from app.console.texts.labels import _
from app.operations.monitoring.overview import Overview
from app.operations.reviews.attention import AttentionCounts

UNJUDGED_FOR = timedelta(minutes=1)
"""Judging takes milliseconds: a call that has waited so long waits for a worker that does not run."""
UNDELIVERED_FOR = timedelta(minutes=15)


class Weight(IntEnum):
    """How much something matters."""

    WARN = 1
    BAD = 2


@dataclass(frozen=True, slots=True)
class PageWarning:
    """Something to look at: words for the catalogue, a count to put in them, and the page that says more."""

    weight: Weight
    words: str
    count: int
    path: str


def page_warnings(overview: Overview) -> Sequence[PageWarning]:
    """Everything that is not as it should be."""
    found = [*_stalled(overview), *_asking(overview.attention), *_subscribers(overview)]
    return sorted(found, key=lambda concern: -concern.weight)


def _stalled(overview: Overview) -> list[PageWarning]:
    found = []
    if _older(overview.oldest_unjudged_at, overview.at, UNJUDGED_FOR):
        found.append(
            PageWarning(
                Weight.BAD,
                _("Calls are not being judged: is a worker running? (%(count)s)"),
                overview.unjudged,
                "/",
            )
        )
    if overview.spool and (overview.spool.records or overview.spool.refused_records):
        waiting = overview.spool.records + overview.spool.refused_records
        found.append(
            PageWarning(
                Weight.BAD, _("Calls wait on disk for the database (%(count)s)"), waiting, "/"
            )
        )
    if _older(overview.oldest_undelivered_at, overview.at, UNDELIVERED_FOR):
        found.append(
            PageWarning(
                Weight.WARN,
                _("Webhooks have waited for more than 15 minutes"),
                overview.undelivered,
                "/subscribers",
            )
        )
    if overview.last_call_at is None:
        found.append(PageWarning(Weight.WARN, _("Zeus has not called yet"), 0, "/onboarding"))
    return found


def _asking(counts: AttentionCounts) -> list[PageWarning]:
    every = (
        PageWarning(
            Weight.BAD,
            _("Webhooks that were given up (%(count)s)"),
            counts.dead_webhooks,
            "/attention#dead",
        ),
        PageWarning(
            Weight.BAD,
            _("Calls in quarantine (%(count)s)"),
            counts.quarantined,
            "/attention#quarantined",
        ),
        PageWarning(
            Weight.BAD, _("Calls in conflict (%(count)s)"), counts.conflicts, "/attention#conflicts"
        ),
        PageWarning(
            Weight.WARN,
            _("Rejected calls that look like Zeus's (%(count)s)"),
            counts.rejected_samples,
            "/attention#rejected",
        ),
        PageWarning(
            Weight.WARN,
            _("Paused subscribers (%(count)s)"),
            counts.paused_subscribers,
            "/attention#paused",
        ),
    )
    return [concern for concern in every if concern.count]


def _subscribers(overview: Overview) -> list[PageWarning]:
    failing = sum(subscriber.failing for subscriber in overview.subscribers)
    return (
        [
            PageWarning(
                Weight.WARN, _("Subscribers that are failing (%(count)s)"), failing, "/subscribers"
            )
        ]
        if failing
        else []
    )


def _older(since: datetime | None, now: datetime, limit: timedelta) -> bool:
    return since is not None and now - since > limit
