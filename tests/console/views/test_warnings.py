"""Warnings of the overview page: their conditions, pages and order."""

from datetime import timedelta

import pytest

from app.clock import now
from app.console.views.warnings import Severity, page_warnings
from app.operations.attention.attention import AttentionCounts
from app.operations.monitoring.overview import (
    LossOfCalls,
    MailHealth,
    Overview,
    SpoolSeen,
    SubscriberHealth,
)


def overview(**values: object) -> Overview:
    """Return the overview of a quiet day, changed by `values`."""
    nothing = AttentionCounts(
        reviews=0,
        quarantined=0,
        conflicts=0,
        rejected_samples=0,
        dead_webhooks=0,
        paused_subscribers=0,
    )
    quiet = {
        "at": now(),
        "last_call_at": now(),
        "unjudged": 0,
        "oldest_unjudged_at": None,
        "undelivered": 0,
        "oldest_undelivered_at": None,
        "loss": LossOfCalls(missing=0, expected=0, rate=None),
        "mails": None,
    }
    return Overview.model_validate(
        {**quiet, "hours": [], "subscribers": [], "attention": nothing, "spool": None, **values}
    )


def test_no_warnings_on_a_quiet_day() -> None:
    busy = {
        "unjudged": 40,
        "oldest_unjudged_at": now() - timedelta(seconds=2),
        "undelivered": 9,
        "oldest_undelivered_at": now(),
    }
    spool = SpoolSeen(
        records=0, segments=0, bytes=0, oldest_seconds=None, refused_records=0, torn_files=0
    )
    assert [] == [
        *page_warnings(overview()),
        *page_warnings(overview(**busy, spool=spool, mails=_mails())),
    ]


def _mails(**values: object) -> MailHealth:
    """Return a good state of mails, changed by `values`."""
    good = {"last_mail_at": now(), "mailbox_read_at": now(), "missing": 0, "call_failed": 0}
    return MailHealth.model_validate({**good, "not_believed": 0, **values})


NO_ATTENTION = {
    "reviews": 0,
    "quarantined": 0,
    "conflicts": 0,
    "rejected_samples": 0,
    "dead_webhooks": 0,
    "paused_subscribers": 0,
}


EMPTY_SPOOL = SpoolSeen(
    records=0, segments=0, bytes=0, oldest_seconds=None, refused_records=0, torn_files=0
)


ONE_RECORD = EMPTY_SPOOL.model_copy(
    update={"records": 1, "segments": 1, "bytes": 1, "oldest_seconds": 1}
)


ONE_REFUSED = EMPTY_SPOOL.model_copy(update={"bytes": 1, "refused_records": 1})


FAILING = SubscriberHealth(
    name="shop", state="active", pause_reason=None, failing=True, pending=1, dead=0
)


@pytest.mark.parametrize(
    ("values", "severity", "path"),
    [
        ({"unjudged": 3, "oldest_unjudged_at": now() - timedelta(minutes=2)}, Severity.BAD, "/"),
        ({"spool": ONE_RECORD}, Severity.BAD, "/"),
        ({"spool": ONE_REFUSED}, Severity.BAD, "/"),
        (
            {"undelivered": 3, "oldest_undelivered_at": now() - timedelta(minutes=16)},
            Severity.WARN,
            "/subscribers",
        ),
        ({"last_call_at": None}, Severity.WARN, "/onboarding"),
        (
            {"attention": NO_ATTENTION | {"reviews": 1}},
            Severity.BAD,
            "/attention#reviews",
        ),
        (
            {"attention": NO_ATTENTION | {"paused_subscribers": 1}},
            Severity.WARN,
            "/attention#paused",
        ),
        ({"subscribers": [FAILING]}, Severity.WARN, "/subscribers"),
        ({"mails": _mails(call_failed=2)}, Severity.BAD, "/mails?state=call_failed"),
        ({"mails": _mails(not_believed=1)}, Severity.WARN, "/mails?state=not_believed"),
        (
            {"mails": _mails(mailbox_read_at=now() - timedelta(minutes=21))},
            Severity.WARN,
            "/mails",
        ),
    ],
)
def test_each_problem_has_a_warning_with_its_page(
    values: dict[str, object], severity: Severity, path: str
) -> None:
    assert [(severity, path)] == [
        (warning.severity, warning.path) for warning in page_warnings(overview(**values))
    ]


def test_warnings_are_sorted_by_severity() -> None:
    counts = {
        "reviews": 2,
        "quarantined": 2,
        "conflicts": 0,
        "rejected_samples": 1,
        "dead_webhooks": 0,
        "paused_subscribers": 0,
    }
    severities = [
        warning.severity for warning in page_warnings(overview(attention=counts, last_call_at=None))
    ]
    assert [Severity.BAD, Severity.WARN, Severity.WARN] == severities
